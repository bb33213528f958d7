// SPDX-License-Identifier: Apache-2.0
#include "report/render.hpp"

#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

figure one(double value) { return {value, value, value, 3}; }

report_row make_row(const std::string& room, const std::string& title, case_kind kind,
                    const std::string& unit, figure ours) {
  report_row made;
  made.of.room = room;
  made.of.title = title;
  made.of.kind = kind;
  made.of.unit = unit;
  made.ours = ours;
  return made;
}

report_row beside(report_row row, const std::string& peer, std::optional<figure> theirs,
                  std::optional<double> ratio, std::optional<double> bar = {},
                  std::optional<bool> holds = {}) {
  row.of.peer = peer;
  row.peer = theirs;
  row.ratio = ratio;
  row.bar = bar;
  row.holds = holds;
  return row;
}

// A row of each kind, of bars that hold and do not, and a peer that was not built.
std::vector<report_row> all_rows() {
  std::vector<report_row> rows;
  rows.push_back(beside(make_row("fast", "look up", case_kind::time, "ns", {2.83, 2.8, 2.911, 3}),
                        "a <map> & more", one(16.9), 5.972, 5, true));
  rows.push_back(beside(make_row("fast", "look up", case_kind::time, "ns", one(2.83)), "gperf", {},
                        {}, 2, {}));
  rows.push_back(
      beside(make_row("fast", "serve \"it\"", case_kind::rate, "requests/s", one(506'000)), "raw",
             one(1'034'000), 0.4894, 0.9, false));
  rows.push_back(beside(make_row("fast", "await", case_kind::extra, "ns", one(-1.5)), "direct",
                        one(33), {}, 15, true));
  rows.push_back(make_row("small", "a record", case_kind::counter, "bytes", one(464)));
  rows.back().bar = 160;
  rows.back().holds = false;
  rows.push_back(make_row("small", "a send", case_kind::time, "ns", one(815.9)));
  return rows;
}

TEST(Json, IsAListOfRowsWithNineMembers) {
  EXPECT_EQ(
      to_json(all_rows()),
      "[\n"
      R"({"room": "fast", "case": "look up", "ours": 2.83, "unit": "ns", )"
      R"("peer": "a <map> & more", "peer_value": 16.9, "ratio": 5.972, "bar": 5, "holds": true},)"
      "\n"
      R"({"room": "fast", "case": "look up", "ours": 2.83, "unit": "ns", )"
      R"("peer": "gperf", "peer_value": null, "ratio": null, "bar": 2, "holds": null},)"
      "\n"
      R"({"room": "fast", "case": "serve \"it\"", "ours": 506000, "unit": "requests/s", )"
      R"("peer": "raw", "peer_value": 1034000, "ratio": 0.4894, "bar": 0.9, "holds": false},)"
      "\n"
      R"({"room": "fast", "case": "await", "ours": -1.5, "unit": "ns", )"
      R"("peer": "direct", "peer_value": 33, "ratio": null, "bar": 15, "holds": true},)"
      "\n"
      R"({"room": "small", "case": "a record", "ours": 464, "unit": "bytes", )"
      R"("peer": null, "peer_value": null, "ratio": null, "bar": 160, "holds": false},)"
      "\n"
      R"({"room": "small", "case": "a send", "ours": 815.9, "unit": "ns", )"
      R"("peer": null, "peer_value": null, "ratio": null, "bar": null, "holds": null})"
      "\n]\n");
}

TEST(Json, NumbersHaveNoExponent) {
  const std::string json = to_json({make_row("a", "b", case_kind::time, "ns", one(1.5e12)),
                                    make_row("a", "c", case_kind::counter, "bytes", one(1e-4))});
  EXPECT_THAT(json, HasSubstr(R"("ours": 1500000000000,)"));
  EXPECT_THAT(json, HasSubstr(R"("ours": 0.0001,)"));
}

TEST(Summary, CountsBarsAndNamesThoseThatAreMissed) {
  EXPECT_EQ(summary_of(all_rows()),
            "Bars that hold: 2 of 4. Not judged, as a peer is not built: 1. "
            "Missed: fast: serve \"it\", beside raw; small: a record.");
  EXPECT_EQ(summary_of({all_rows().front()}), "Bars that hold: 1 of 1.");
  EXPECT_EQ(summary_of({}), "Bars that hold: 0 of 0.");
}

TEST(Markdown, HasALineForEachRowBelowItsRoom) {
  const std::string page = to_markdown(all_rows(), {});
  EXPECT_THAT(
      page,
      HasSubstr("\n## fast\n\n"
                "| case | ours | beside it | that | ratio | bar | holds |\n"
                "|---|---|---|---|---|---|---|\n"
                "| look up | 2.83 ns (2.8 to 2.91) | a \\<map\\> & more | 16.9 ns | 5.97 | at "
                "least 5 | yes |\n"
                "| look up | 2.83 ns | gperf | not built here |  | at least 2 |  |\n"
                "| serve \"it\" | 506k requests/s | raw | 1.03M requests/s | 0.489 | at least "
                "0.9 | **no** |\n"
                "| await | -1.5 ns more | direct | 33 ns |  | at most 15 | yes |\n"
                "\n![fast: how many times as fast as its peers](fast.svg)\n"
                "\n## small\n\n"
                "| case | ours | beside it | that | ratio | bar | holds |\n"
                "|---|---|---|---|---|---|---|\n"
                "| a record | 464 bytes |  |  |  | at most 160 | **no** |\n"
                "| a send | 816 ns |  |  |  |  |  |\n"));
  EXPECT_THAT(page, Not(HasSubstr("small.svg")));
  EXPECT_THAT(page, HasSubstr("have no figure: gperf (fast)."));
}

TEST(Markdown, SaysWhatItWasMeasuredOn) {
  const std::string page =
      to_markdown(all_rows(), {{"processor", "A | B\xC2\xAE"}, {"commit", "0123456789ab"}});
  EXPECT_THAT(page, HasSubstr("| processor | A \\| B?? |\n| commit | 0123456789ab |\n"
                              "| repetitions | 3 |\n"));
  for (const char c : page) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << page;
}

TEST(Markdown, ScalesAFigureByItsMedian) {
  const std::string page =
      to_markdown({make_row("a", "b", case_kind::time, "ns", {1500, 900, 2000, 3}),
                   make_row("a", "c", case_kind::time, "ns", {2.5e6, 2.5e6, 2.5e6, 9}),
                   make_row("a", "d", case_kind::time, "ns", {3e9, 3e9, 3e9, 3}),
                   make_row("a", "e", case_kind::rate, "calls/s", {999, 999, 999, 3})},
                  {});
  EXPECT_THAT(page, HasSubstr("| b | 1.5 us (0.9 to 2) |"));
  EXPECT_THAT(page, HasSubstr("| c | 2.5 ms |"));
  EXPECT_THAT(page, HasSubstr("| d | 3 s |"));
  EXPECT_THAT(page, HasSubstr("| e | 999 calls/s |"));
  EXPECT_THAT(page, HasSubstr("| repetitions | 3 to 9 |\n"));
}

// Why a text is no well-formed XML as far as we write it; empty where it is: one root, elements
// that nest, quoted attributes that differ, no loose markup in text.
std::string ill_formed(std::string_view text) {
  std::vector<std::string> open;
  bool had_root = false;
  const auto bad_text = [](std::string_view piece) {
    for (std::size_t at = piece.find('&'); at != std::string_view::npos;
         at = piece.find('&', at + 1)) {
      const std::string_view rest = piece.substr(at);
      if (!rest.starts_with("&amp;") && !rest.starts_with("&lt;") && !rest.starts_with("&gt;") &&
          !rest.starts_with("&quot;")) {
        return true;
      }
    }
    return piece.find('<') != std::string_view::npos;
  };
  if (text.starts_with("<?xml ")) text.remove_prefix(text.find("?>") + 2);
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find('<'), text.size());
    const std::string_view between = text.substr(0, begin);
    if (bad_text(between)) return "text: " + std::string(between);
    if (open.empty() && between.find_first_not_of("\n ") != std::string_view::npos) {
      return "text outside the root";
    }
    text.remove_prefix(begin);
    if (text.empty()) break;
    const std::size_t end = text.find('>');
    if (end == std::string_view::npos) return "an open tag";
    std::string_view tag = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return "closed: " + std::string(tag);
      open.pop_back();
      continue;
    }
    const bool is_empty = tag.ends_with('/');
    if (is_empty) tag.remove_suffix(1);
    if (open.empty() && had_root) return "a second root";
    had_root = true;
    const std::size_t name_end = std::min(tag.find(' '), tag.size());
    if (!is_empty) open.emplace_back(tag.substr(0, name_end));
    tag.remove_prefix(name_end);
    std::vector<std::string> names;
    while (!tag.empty()) {
      const std::size_t equals = tag.find("=\"");
      if (tag.front() != ' ' || equals == std::string_view::npos) return "an attribute";
      const std::size_t quote = tag.find('"', equals + 2);
      if (quote == std::string_view::npos) return "an open attribute";
      names.emplace_back(tag.substr(1, equals - 1));
      for (std::size_t i = 0; i + 1 < names.size(); ++i) {
        if (names[i] == names.back()) return "an attribute twice: " + names.back();
      }
      if (bad_text(tag.substr(equals + 2, quote - equals - 2))) return "in " + names.back();
      tag.remove_prefix(quote + 1);
    }
  }
  if (!open.empty()) return "not closed: " + open.back();
  return had_root ? "" : "no root";
}

TEST(WellFormed, IsNotEverything) {
  EXPECT_EQ(ill_formed("<a b=\"1\" c=\"&lt;\"><d/>&amp;</a>\n"), "");
  for (const char* text : {"", "<a>", "<a></b>", "<a/><b/>", "<a b=1/>", "<a b=\"1\" b=\"2\"/>",
                           "<a>&</a>", "<a b=\"&\"/>", "a<b/>", "<a"}) {
    EXPECT_NE(ill_formed(text), "") << text;
  }
}

TEST(Svg, IsWellFormedAndRunsNothing) {
  const std::string svg = to_svg(all_rows(), "fast");
  EXPECT_EQ(ill_formed(svg), "");
  EXPECT_THAT(svg,
              HasSubstr("<title id=\"title\">parley::fast: times as fast as its peers</title>"));
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(svg, HasSubstr("look up, beside a &lt;map&gt; &amp; more</text>"));
  EXPECT_THAT(svg, HasSubstr("serve &quot;it&quot;, beside raw</text>"));
  for (const char* each : {"<script", "href", "onload", "url(", "@import"}) {
    EXPECT_THAT(svg, Not(HasSubstr(each)));
  }
}

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

TEST(Svg, HasABarForEachRatioAndALineForEachBar) {
  const std::string svg = to_svg(all_rows(), "fast");
  EXPECT_EQ(count_of(svg, "<rect class=\"ours\""), 1u);
  EXPECT_EQ(count_of(svg, "<rect class=\"missed\""), 1u);
  EXPECT_EQ(count_of(svg, "<line class=\"limit\""), 3u);
  EXPECT_EQ(count_of(svg, "<line class=\"one\""), 1u);
  EXPECT_EQ(count_of(svg, "class=\"label\""), 3u) << "an extra has no ratio";
  EXPECT_THAT(svg, HasSubstr(">5.97 times, bar 5</text>"));
  EXPECT_THAT(svg, HasSubstr(">0.489 times, bar 0.9: missed</text>"));
  EXPECT_THAT(svg, HasSubstr(">not built here</text>"));
}

// The x of the first element of a class, and its width.
double attribute_of(std::string_view svg, const std::string& begins, const std::string& name) {
  const std::size_t at = svg.find(name + "=\"", svg.find(begins)) + name.size() + 2;
  return std::stod(std::string(svg.substr(at, svg.find('"', at) - at)));
}

TEST(Svg, ABarBeginsAtOneAndGoesToItsSide) {
  for (const double ratio : {0.004, 0.5, 0.99, 1.0, 1.01, 7.0, 1200.0}) {
    const std::string svg = to_svg(
        {beside(make_row("a", "b", case_kind::time, "ns", one(1)), "p", one(ratio), ratio)}, "a");
    const double at_one = attribute_of(svg, "<line class=\"one\"", "x1");
    const double begin = attribute_of(svg, "<rect class=\"ours\"", "x");
    const double end = begin + attribute_of(svg, "<rect class=\"ours\"", "width");
    EXPECT_GE(begin, 16) << ratio;
    EXPECT_LE(end, 860 - 150 + 0.11) << ratio;
    EXPECT_NEAR(ratio >= 1 ? begin : end, at_one, ratio > 0.9 && ratio < 1 ? 1.1 : 0.11) << ratio;
  }
}

TEST(Svg, OfARoomWithoutRatiosIsNone) {
  EXPECT_EQ(to_svg(all_rows(), "small"), "");
  EXPECT_EQ(to_svg(all_rows(), "unknown"), "");
}

TEST(Svg, IsDrawnWhereNoPeerWasBuilt) {
  const std::string svg = to_svg({all_rows()[1]}, "fast");
  EXPECT_EQ(ill_formed(svg), "");
  EXPECT_EQ(count_of(svg, "<rect class=\"ours\""), 0u);
  EXPECT_THAT(svg, HasSubstr("not built here"));
}

TEST(Facts, AreNamesAndTexts) {
  const auto facts = parse_facts("processor\tA b\nempty\t\n");
  ASSERT_TRUE(facts.has_value()) << facts.error();
  EXPECT_EQ(*facts, (run_facts{{"processor", "A b"}, {"empty", ""}}));
}

TEST(Facts, WithoutATabOrANameAreRefused) {
  for (const char* text : {"a\tb\nprocessor", "a\tb\n\tB", "a\tb\n\nc\td"}) {
    const auto facts = parse_facts(text);
    ASSERT_FALSE(facts.has_value()) << text;
    EXPECT_EQ(facts.error(), "line 2: not a name, a tab and a text");
  }
}

}  // namespace
}  // namespace parley::bench
