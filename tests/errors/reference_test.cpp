// SPDX-License-Identifier: Apache-2.0
//
// What is checked in below docs/reference/ is what the generator makes of the catalogue, and says
// what the contract says.

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "errors/gen/reference.hpp"
#include "parley/errors/own_catalogue.hpp"

namespace parley::errors {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}
std::string read_reference(const char* name) {
  return read_file(std::string(PARLEY_TEST_REFERENCE_FOLDER "/") + name);
}

constexpr const char* advice = "stale: run lib/errors/gen/refresh.sh";

TEST(Reference, PageIsFresh) {
  EXPECT_EQ(read_reference("errors.md"), gen::render_markdown(catalogue())) << advice;
}
TEST(Reference, JsonIsFresh) {
  EXPECT_EQ(read_reference("errors.json"), gen::render_json(catalogue())) << advice;
}
TEST(Reference, OpenApiIsFresh) {
  EXPECT_EQ(read_reference("errors.openapi.json"), gen::render_openapi(catalogue())) << advice;
}

// Just enough of JSON for a list of flat objects: each value as a text of UTF-8, with `null`,
// `true` and numbers as they stand. Fails the test on anything else.
class flat_list {
 public:
  explicit flat_list(std::string text) : text_(std::move(text)) {
    expect('[');
    do {
      expect('{');
      std::map<std::string, std::string>& each = objects.emplace_back();
      std::vector<std::string>& names = orders.emplace_back();
      do {
        names.push_back(read_text());
        expect(':');
        each[names.back()] = next() == '"' ? '"' + read_text() + '"' : read_word();
      } while (take(','));
      expect('}');
    } while (take(','));
    expect(']');
    EXPECT_EQ(next(), '\0');
  }
  std::vector<std::map<std::string, std::string>> objects;
  std::vector<std::vector<std::string>> orders;

 private:
  char next() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (next() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) throw std::runtime_error("no '" + std::string(1, c) + "' at " + rest());
  }
  std::string rest() const { return text_.substr(at_, 20); }
  std::string read_word() {
    std::string word;
    while (std::isalnum(static_cast<unsigned char>(next()))) word += text_[at_++];
    return word;
  }
  std::string read_text() {
    expect('"');
    std::string read;
    while (text_.at(at_) != '"') {
      if (text_[at_] != '\\') {
        read += text_[at_++];
        continue;
      }
      if (text_.at(at_ + 1) != 'u') throw std::runtime_error("an escape at " + rest());
      const unsigned long c = std::strtoul(text_.substr(at_ + 2, 4).c_str(), nullptr, 16);
      read += static_cast<char>(0xE0 | c >> 12);
      read += static_cast<char>(0x80 | (c >> 6 & 0x3F));
      read += static_cast<char>(0x80 | (c & 0x3F));
      at_ += 6;
    }
    ++at_;
    return read;
  }

  std::string text_;
  std::size_t at_ = 0;
};

std::string quoted_or_null(const std::string& text) {
  return text == "-" ? "null" : '"' + text + '"';
}

TEST(Reference, JsonIsTheContractColumnForColumn) {
  const flat_list list(read_reference("errors.json"));
  std::istringstream contract(read_file(PARLEY_TEST_CODES_FILE));
  std::string line;
  std::getline(contract, line);
  std::size_t i = 0;
  for (; std::getline(contract, line); ++i) {
    std::istringstream columns(line);
    std::map<std::string, std::string> expected;
    for (const char* name :
         {"code", "category", "http", "retryable", "delivery", "doc_anchor", "meaning"}) {
      std::getline(columns, expected[name], '\t');
    }
    ASSERT_LT(i, list.objects.size());
    const auto& actual = list.objects[i];
    SCOPED_TRACE(line);
    EXPECT_EQ(list.orders[i],
              (std::vector<std::string>{"code", "tier", "category", "http", "retryable",
                                        "retry_hint", "delivery", "doc_anchor", "meaning"}));
    for (const char* name : {"code", "category", "delivery", "doc_anchor", "meaning"}) {
      EXPECT_EQ(actual.at(name), quoted_or_null(expected[name])) << name;
    }
    EXPECT_EQ(actual.at("tier"), expected["category"] == "-" ? "\"http\"" : "\"call\"");
    EXPECT_EQ(actual.at("http"), expected["http"] == "-" ? "null" : expected["http"]);
    const std::map<std::string, std::string> as_json = {
        {"yes", "true"}, {"no", "false"}, {"unstated", "null"}};
    EXPECT_EQ(actual.at("retryable"), as_json.at(expected["retryable"]));
    EXPECT_EQ(actual.at("retry_hint"), '"' + std::string(to_string(catalogue()[i].hint)) + '"');
  }
  EXPECT_EQ(i, 33u);
  EXPECT_EQ(list.objects.size(), i);
}

// The anchors that doc_url leads to are headings of the page.
TEST(Reference, PageHasEveryAnchorAndEveryCode) {
  const std::string page = gen::render_markdown(catalogue());
  std::set<std::string> anchors;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("## ")) continue;
    std::string anchor = "#" + line.substr(3);
    for (char& c : anchor) {
      c = c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    anchors.insert(anchor);
  }
  EXPECT_EQ(anchors.size(), 7u);
  for (const row& each : catalogue()) {
    EXPECT_TRUE(anchors.contains(std::string(each.doc_anchor))) << each.doc_anchor;
    EXPECT_NE(page.find("| `" + std::string(each.name) + "` |"), page.npos) << each.name;
  }
}

TEST(Reference, OpenApiHasEachStatusAndNoAsynchronousExample) {
  const std::string document = gen::render_openapi(catalogue());
  for (const row& each : catalogue()) {
    const std::string as_example = "\"" + std::string(each.name) + "\": {";
    const bool has_example = document.find(as_example) != document.npos;
    EXPECT_EQ(has_example, each.delivery == delivery::sync) << each.name;
    if (each.delivery == delivery::sync) {
      EXPECT_NE(document.find("\"Error" + std::to_string(each.http_status) + "\": {"),
                document.npos);
    }
  }
  EXPECT_NE(document.find("\"rate_limited_http\": {"), document.npos);
}

// A user's table goes through the same generator: text that needs an escape, an address for a link.
constexpr std::array own_rows = {
    call_row(own_code(1), category::account_limit, 402, retryable::no, retry_hint::never,
             "quote_and_more", "https://a.example/#b", "A \"quote\", a \\ and \xC3\xA9."),
};

TEST(Reference, OfAnOwnCatalogueIsEscaped) {
  const std::string json = gen::render_json(catalogue<own_rows>());
  EXPECT_NE(json.find(R"("meaning": "A \"quote\", a \\ and \u00e9")"), json.npos) << json;
  const std::string document = gen::render_openapi(catalogue<own_rows>());
  EXPECT_NE(document.find(R"("doc_url": "https://a.example/#b")"), document.npos) << document;
  const std::string page = gen::render_markdown(catalogue<own_rows>());
  EXPECT_NE(page.find("and &#233; |"), page.npos) << page;
}

}  // namespace
}  // namespace parley::errors
