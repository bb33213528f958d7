// SPDX-License-Identifier: Apache-2.0
#include "report/render.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

namespace parley::bench {
namespace {

template <class... Format>
std::string number_text(double value, Format... format) {
  char text[400];  // what the largest double takes without an exponent
  const auto written = std::to_chars(text, text + sizeof text, value, format...);
  return {text, written.ptr};
}

// Three digits that count, and all those before the point.
std::string short_text(double value) {
  if (std::fabs(value) >= 100) return number_text(value, std::chars_format::fixed, 0);
  return number_text(value, std::chars_format::general, 3);
}

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string(text.data(), text.size()));
}

std::string json_text(const std::optional<double>& value) {
  return value ? number_text(*value, std::chars_format::fixed) : "null";
}

struct scale {
  double factor;
  std::string suffix;
};

scale scale_of(const bench_case& of, double value) {
  const double size = std::fabs(value);
  switch (of.kind) {
    case case_kind::time:
    case case_kind::extra:
      if (size < 1e3) return {1, " ns"};
      if (size < 1e6) return {1e-3, " us"};
      if (size < 1e9) return {1e-6, " ms"};
      return {1e-9, " s"};
    case case_kind::rate:
      if (size < 1e3) return {1, " " + of.unit};
      if (size < 1e6) return {1e-3, "k " + of.unit};
      return {1e-6, "M " + of.unit};
    case case_kind::counter: break;
  }
  return {1, " " + of.unit};
}

std::string figure_text(const bench_case& of, const figure& f) {
  const scale by = scale_of(of, f.median);
  const auto scaled = [&](double value) { return short_text(value * by.factor); };
  std::string text = scaled(f.median) + by.suffix;
  if (f.least != f.most) text += " (" + scaled(f.least) + " to " + scaled(f.most) + ")";
  return text;
}

std::string cell(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c < ' ' || c > '~') {
      made += '?';
    } else {
      if (std::string_view("\\|<>`*[]").find(c) != std::string_view::npos) made += '\\';
      made += c;
    }
  }
  return made;
}

std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    switch (c) {
      case '&': made += "&amp;"; break;
      case '<': made += "&lt;"; break;
      case '>': made += "&gt;"; break;
      case '"': made += "&quot;"; break;
      default: made += c;
    }
  }
  return made;
}

std::vector<std::string> rooms_of(const std::vector<report_row>& rows) {
  std::vector<bench_case> cases;
  for (const report_row& each : rows) cases.push_back(each.of);
  return rooms_of(cases);
}

bool is_not_built(const report_row& row) { return !row.of.peer.empty() && !row.peer; }

std::string beside(const bench_case& of) {
  return of.peer.empty() ? of.title : of.title + ", beside " + of.peer;
}

constexpr std::string_view how_to_read =
    "`cmake/bench.sh` made this page; `docs/bench/README.md` says how. A figure is the median of\n"
    "the repetitions, and in brackets stand the least and the most of them. Ours and what stands\n"
    "beside it ran in one program, by turns. The ratio, of the medians, is how many times as fast\n"
    "as the peer ours is: below 1 the peer is faster. A bar is the least that we want of a ratio;\n"
    "in a row without one, the most that the figure may be. A bar that is missed stays here, with\n"
    "a no. Compare within a row, for a machine's speed drifts from one to the next.\n";

std::string markdown_row(const report_row& row) {
  std::string line = "| " + cell(row.of.title) + " | " + cell(figure_text(row.of, row.ours));
  if (row.of.kind == case_kind::extra) line += " more";
  line += " | " + cell(row.of.peer) + " | ";
  if (row.peer) line += cell(figure_text(row.of, *row.peer));
  if (is_not_built(row)) line += "not built here";
  line += " | " + (row.ratio ? short_text(*row.ratio) : "") + " | ";
  if (row.bar) line += (row.of.has_ratio() ? "at least " : "at most ") + short_text(*row.bar);
  line += " | ";
  if (row.holds) line += *row.holds ? "yes" : "**no**";
  line += " |\n";
  return line;
}

std::string left_out(const std::vector<report_row>& rows) {
  std::vector<std::string> names;
  for (const report_row& each : rows) {
    const std::string name = each.of.peer + " (" + each.of.room + ")";
    if (is_not_built(each) && std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  if (names.empty()) return {};
  std::string text = "\nPeers that were not built here, so that their rows have no figure: ";
  for (std::size_t i = 0; i < names.size(); ++i) text += (i > 0 ? ", " : "") + cell(names[i]);
  return text + ".\n";
}

// Steps of 1, 2 and 5, or of 1 alone, and each power of ten of them.
constexpr int step_min = -30;
constexpr int step_max = 60;
double step_value(int step) {
  constexpr double digits[] = {1, 2, 5};
  const int power = step >= 0 ? step / 3 : (step - 2) / 3;
  return digits[step - 3 * power] * std::pow(10, power);
}

// The picture: above each bar a line of text, below all of them an axis.
constexpr double width = 860;
constexpr double left = 16;
constexpr double right = 150;  // for what stands behind a bar
constexpr double head = 64;
constexpr double row_height = 44;
constexpr double foot = 56;

class axis {
 public:
  explicit axis(const std::vector<const report_row*>& rows) {
    double least = 1;
    double most = 1;
    for (const report_row* each : rows) {
      for (const std::optional<double>& value : {each->ratio, each->bar}) {
        if (!value || *value <= 0) continue;
        least = std::min(least, *value);
        most = std::max(most, *value);
      }
    }
    while (first_ > step_min && step_value(first_) > least) --first_;
    while (last_ < step_max && step_value(last_) < most) ++last_;
  }

  double at(double ratio) const {
    const double begin = std::log(step_value(first_));
    const double end = std::log(step_value(last_));
    const double part = (std::log(ratio) - begin) / (end - begin);
    return left + std::clamp(part, 0.0, 1.0) * (width - left - right);
  }

  std::vector<double> ticks() const {
    std::vector<double> made;
    const bool is_long = last_ - first_ > 8;
    for (int step = first_; step <= last_; ++step) {
      if (!is_long || step % 3 == 0) made.push_back(step_value(step));
    }
    return made;
  }

 private:
  int first_ = 0;  // 1 is on the axis: as fast as the peer
  int last_ = 1;
};

std::string place(double value) { return number_text(value, std::chars_format::fixed, 1); }

std::string line_of(std::string_view name, double x, double top, double bottom) {
  return "<line class=\"" + std::string(name) + "\" x1=\"" + place(x) + "\" y1=\"" + place(top) +
         "\" x2=\"" + place(x) + "\" y2=\"" + place(bottom) + "\"/>\n";
}

std::string text_of(std::string_view name, double x, double y, std::string_view text,
                    std::string_view anchor = "start") {
  return "<text class=\"" + std::string(name) + "\" x=\"" + place(x) + "\" y=\"" + place(y) +
         "\" text-anchor=\"" + std::string(anchor) + "\">" + escaped(text) + "</text>\n";
}

// It has a ground of its own, since a page may be dark where the reader's system is light.
constexpr std::string_view style =
    "<style>\n"
    ".ground{fill:#ffffff}\n"
    "text{fill:#1f2328;font:12px sans-serif}\n"
    ".title{font-size:16px;font-weight:bold}\n"
    ".label{paint-order:stroke;stroke:#ffffff;stroke-width:4px}\n"
    ".grid{stroke:#d1d9e0}\n"
    ".one{stroke:#59636e}\n"
    ".limit{stroke:#1f2328;stroke-width:2;stroke-dasharray:4 2}\n"
    ".ours{fill:#4184e4}\n"
    ".missed{fill:#d4650b}\n"
    "@media (prefers-color-scheme:dark){\n"
    ".ground{fill:#0d1117}\n"
    "text{fill:#e6edf3}\n"
    ".label{stroke:#0d1117}\n"
    ".grid{stroke:#30363d}\n"
    ".one{stroke:#9198a1}\n"
    ".limit{stroke:#e6edf3}\n"
    "}\n"
    "</style>\n";

std::string svg_row(const report_row& row, const axis& on, double top) {
  const double bar_top = top + 18;
  const double bar_bottom = bar_top + 16;
  std::string made = text_of("label", left, top + 12, beside(row.of));
  double end = on.at(1);
  std::string behind = "not built here";
  if (row.ratio) {
    const double begin = std::min(on.at(1), on.at(*row.ratio));
    end = std::max(on.at(1), on.at(*row.ratio));
    const bool is_missed = row.holds && !*row.holds;
    made += "<rect class=\"" + std::string(is_missed ? "missed" : "ours") + "\" x=\"" +
            place(begin) + "\" y=\"" + place(bar_top) + "\" width=\"" +
            place(std::max(end - begin, 1.0)) + "\" height=\"16\"/>\n";
    behind = short_text(*row.ratio) + " times";
    if (row.bar) behind += ", bar " + short_text(*row.bar);
    if (is_missed) behind += ": missed";
  }
  if (row.bar) {
    made += line_of("limit", on.at(*row.bar), bar_top - 3, bar_bottom + 3);
    end = std::max(end, on.at(*row.bar));
  }
  return made + text_of("value", end + 6, bar_bottom - 4, behind);
}

}  // namespace

result<run_facts, std::string> parse_facts(std::string_view text) {
  run_facts facts;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t size = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, size);
    text.remove_prefix(std::min(size + 1, text.size()));
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos || tab == 0) {
      return failure{"line " + std::to_string(number) + ": not a name, a tab and a text"};
    }
    facts.emplace_back(line.substr(0, tab), line.substr(tab + 1));
  }
  return facts;
}

std::string to_json(const std::vector<report_row>& rows) {
  std::string made = "[";
  for (const report_row& each : rows) {
    const auto peer_value = each.peer ? std::optional(each.peer->median) : std::nullopt;
    made += made.size() == 1 ? "\n" : ",\n";
    made += "{\"room\": " + quoted(each.of.room) + ", \"case\": " + quoted(each.of.title) +
            ", \"ours\": " + json_text(each.ours.median) + ", \"unit\": " + quoted(each.of.unit) +
            ", \"peer\": " + (each.of.peer.empty() ? "null" : quoted(each.of.peer)) +
            ", \"peer_value\": " + json_text(peer_value) + ", \"ratio\": " + json_text(each.ratio) +
            ", \"bar\": " + json_text(each.bar) + ", \"holds\": ";
    made += !each.holds ? "null" : *each.holds ? "true" : "false";
    made += "}";
  }
  return made + "\n]\n";
}

std::string summary_of(const std::vector<report_row>& rows) {
  std::size_t judged = 0;
  std::size_t held = 0;
  std::size_t not_judged = 0;
  std::string missed;
  for (const report_row& each : rows) {
    if (!each.bar) continue;
    if (!each.holds) {
      ++not_judged;
      continue;
    }
    ++judged;
    if (*each.holds) {
      ++held;
      continue;
    }
    missed += missed.empty() ? " Missed: " : "; ";
    missed += each.of.room + ": " + beside(each.of);
  }
  std::string text =
      "Bars that hold: " + std::to_string(held) + " of " + std::to_string(judged) + ".";
  if (not_judged > 0) {
    text += " Not judged, as a peer is not built: " + std::to_string(not_judged) + ".";
  }
  return missed.empty() ? text : text + missed + ".";
}

std::string to_markdown(const std::vector<report_row>& rows, const run_facts& facts) {
  std::size_t repetitions_min = rows.empty() ? 0 : rows.front().ours.repetitions;
  std::size_t repetitions_max = repetitions_min;
  for (const report_row& each : rows) {
    repetitions_min = std::min(repetitions_min, each.ours.repetitions);
    repetitions_max = std::max(repetitions_max, each.ours.repetitions);
  }

  std::string page = "# Report of the benchmarks\n\n";
  page += how_to_read;
  page += "\n" + cell(summary_of(rows)) + "\n" + left_out(rows);
  page += "\n## The machine and the run\n\n| what | |\n|---|---|\n";
  for (const auto& [name, text] : facts) page += "| " + cell(name) + " | " + cell(text) + " |\n";
  page += "| repetitions | " + std::to_string(repetitions_min);
  if (repetitions_max != repetitions_min) page += " to " + std::to_string(repetitions_max);
  page += " |\n";

  for (const std::string& room : rooms_of(rows)) {
    page += "\n## " + room + "\n\n";
    page +=
        "| case | ours | beside it | that | ratio | bar | holds |\n|---|---|---|---|---|---|---|\n";
    for (const report_row& each : rows) {
      if (each.of.room == room) page += markdown_row(each);
    }
    if (!to_svg(rows, room).empty()) {
      page += "\n![" + room + ": how many times as fast as its peers](" + room + ".svg)\n";
    }
  }
  return page;
}

std::string to_svg(const std::vector<report_row>& rows, std::string_view room) {
  std::vector<const report_row*> drawn;
  for (const report_row& each : rows) {
    if (each.of.room == room && each.of.has_ratio()) drawn.push_back(&each);
  }
  if (drawn.empty()) return {};

  const axis on(drawn);
  const double bottom = head + row_height * static_cast<double>(drawn.size());
  const std::string size = "width=\"" + place(width) + "\" height=\"" + place(bottom + foot) + "\"";
  const std::string title = "parley::" + std::string(room) + ": times as fast as its peers";
  std::string made = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  made += "<svg xmlns=\"http://www.w3.org/2000/svg\" " + size + " viewBox=\"0 0 " + place(width) +
          " " + place(bottom + foot) + "\" role=\"img\" aria-labelledby=\"title\">\n";
  made += "<title id=\"title\">" + escaped(title) + "</title>\n";
  made += style;
  made += "<rect class=\"ground\" " + size + "/>\n" + text_of("title", left, 26, title);
  made += text_of(
      "note", left, 46,
      "Medians of one run. Further right is better. Dashed: the bar. Orange: the bar is missed.");
  for (const double tick : on.ticks()) {
    made += line_of(tick == 1 ? "one" : "grid", on.at(tick), head, bottom);
    made += text_of("tick", on.at(tick), bottom + 16, short_text(tick), "middle");
  }
  made += text_of("axis", left, bottom + 40,
                  "ratio: how many times as fast as the peer (logarithmic; 1: as fast)");
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    made += svg_row(*drawn[i], on, head + row_height * static_cast<double>(i));
  }
  return made + "</svg>\n";
}

}  // namespace parley::bench
