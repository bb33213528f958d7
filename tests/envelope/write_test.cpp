// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "envelope/reference.hpp"
#include "parley/envelope/error.hpp"

namespace parley::envelope {
namespace {

using errors::code;
using errors::tier;

// The contract's examples without the blanks between the tokens.

TEST(WriteJson, FirstExampleOfTheErrorReference) {  // C38
  EXPECT_EQ(to_json(error(code::caller_id_not_verified)),
            R"({"error":{"code":"caller_id_not_verified","category":"invalid_request",)"
            R"("message":"The caller ID isn't verified for this account.",)"
            R"("doc_url":"https://docs.revdesk.com/api-reference/errors#invalid-request"}})");
}

TEST(WriteJson, ExampleWithAnEmDash) {  // C38
  EXPECT_EQ(to_json(error(code::no_active_number)
                        .with_message("from_number is not yet active \xE2\x80\x94 wait for "
                                      "provisioning to finish.")),
            R"({"error":{"code":"no_active_number","category":"invalid_request",)"
            "\"message\":\"from_number is not yet active \xE2\x80\x94 wait for provisioning to "
            "finish.\","
            R"("doc_url":"https://docs.revdesk.com/api-reference/errors#invalid-request"}})");
}

TEST(WriteJson, ExampleOfAProviderError) {  // C38
  EXPECT_EQ(to_json(error(code::agent_dispatch_failed)
                        .with_message("We couldn't connect an agent to the call. Please try "
                                      "again.")),
            R"({"error":{"code":"agent_dispatch_failed","category":"provider_error",)"
            R"("message":"We couldn't connect an agent to the call. Please try again.",)"
            R"("doc_url":"https://docs.revdesk.com/api-reference/errors#provider-error"}})");
}

TEST(WriteJson, ExampleOfTheConventions) {  // C39
  EXPECT_EQ(to_json(error(code::validation_error)
                        .with_message("caller_id must be E.164 format")
                        .with_field("caller_id", "Expected +<country><number>")),
            R"({"error":{"code":"validation_error","message":"caller_id must be E.164 format",)"
            R"("fields":{"caller_id":"Expected +<country><number>"}}})");
}

// A5, A7, A8: the order of members, and nothing in the place of an absent one.

std::string written_by_the_book(const error_view& e) {
  const auto member = [](std::string_view name, std::string_view text) {
    return join({R"(")", escaped(name), R"(":")", escaped(text), R"(")"});
  };
  std::string members = member("code", e.code);
  if (!e.category.empty()) members += join({",", member("category", e.category)});
  members += join({",", member("message", e.message)});
  if (!e.doc_url.empty()) members += join({",", member("doc_url", e.doc_url)});
  if (!e.fields.empty()) {
    members += R"(,"fields":{)";
    for (const field_view& each : e.fields) {
      if (&each != &e.fields.front()) members += ',';
      members += member(each.name, each.explanation);
    }
    members += '}';
  }
  return join({R"({"error":{)", members, "}}"});
}

TEST(WriteJson, EveryRowOfTheCatalogue) {
  for (const errors::row& row : errors::catalogue()) {
    const std::string url = std::string(errors::doc_base_url) + std::string(row.doc_anchor);
    const bool call = row.tier == tier::call;
    const std::string expected =
        written_by_the_book({row.name,
                             errors::to_string(row.category),
                             row.message,
                             call ? std::string_view(url) : std::string_view(),
                             {}});
    EXPECT_EQ(to_json(error(row.code, row.tier)), expected);
    EXPECT_EQ(to_json(view_of(row)), expected);
  }
}

TEST(WriteJson, EveryChoiceOfMembers) {
  const field_view fields[] = {{"a", "b"}, {"c", "d"}};
  for (const std::string_view category : {"", "c"}) {
    for (const std::string_view message : {"", "m"}) {
      for (const std::string_view doc_url : {"", "u"}) {
        for (std::size_t count = 0; count <= 2; ++count) {
          const error_view e{"x", category, message, doc_url, {fields, count}};
          EXPECT_EQ(to_json(e), written_by_the_book(e));
        }
      }
    }
  }
  EXPECT_EQ(to_json(error_view{}), R"({"error":{"code":"","message":""}})");
}

// Each part of a constant envelope replaced by other text, by the same text at another address, or
// left out: the writer takes over what it knows by its address, and only that.
TEST(WriteJson, ConstantEnvelopesWithAnyPartReplaced) {
  const field_view fields[] = {{"to_number", "is \"bad\""}};
  for (const errors::row& row : errors::catalogue()) {
    const error_view constant = view_of(row);
    const error_view other = view_of(errors::row_of(code::busy));
    const std::string same_code(constant.code);
    const std::string same_message(constant.message);
    for (const std::string_view c : {constant.code, std::string_view(same_code), other.code,
                                     constant.code.substr(1), constant.message}) {
      for (const std::string_view category : {constant.category, other.category, {}}) {
        for (const std::string_view message :
             {constant.message, std::string_view(same_message), other.message,
              constant.message.substr(0, 5), std::string_view("a\nb")}) {
          for (const std::string_view doc_url : {constant.doc_url, other.doc_url, {}}) {
            for (std::size_t count = 0; count <= 1; ++count) {
              const error_view e{c, category, message, doc_url, {fields, count}};
              ASSERT_EQ(to_json(e), written_by_the_book(e));
            }
          }
        }
      }
    }
  }
}

TEST(WriteJson, ErrorAndItsViewsAreTheSameBytes) {
  const error made = error(code::destination_invalid)
                         .with_message("tab\there")
                         .with_field("to_number", "Expected +<country><number>")
                         .with_field("quote\"", "back\\slash");
  std::vector<field_view> fields;
  for (const field& each : made.fields()) fields.push_back({each.name, each.explanation});
  EXPECT_EQ(to_json(made), to_json(error_view{made.code_name(), made.category_name(),
                                              made.message(), made.doc_url(), fields}));
}

// Escapes and UTF-8.

std::string message_written(std::string_view text) {
  const std::string json = to_json(error_view{"x", "", text, "", {}});
  constexpr std::string_view before = R"({"error":{"code":"x","message":")";
  constexpr std::string_view after = R"("}})";
  EXPECT_TRUE(json.starts_with(before) && json.ends_with(after)) << json;
  return json.substr(before.size(), json.size() - before.size() - after.size());
}

struct escape_case {
  const char* name;
  std::string_view text;
  std::string_view written;
};
using namespace std::string_view_literals;
constexpr std::string_view bad = "\xEF\xBF\xBD";
constexpr escape_case escape_cases[] = {
    {"QuoteAndBackslash", R"("\)", R"(\"\\)"},
    {"ShortForms", "\b\f\n\r\t", R"(\b\f\n\r\t)"},
    {"OtherControls", "\0\x01\x0B\x1F"sv, R"(\u0000\u0001\u000b\u001f)"},
    {"SlashAndDeleteStay", "/\x7F", "/\x7F"},
    {"TwoBytes", "\xC2\x80\xDF\xBF", "\xC2\x80\xDF\xBF"},
    {"ThreeBytes", "\xE0\xA0\x80\xE2\x80\x94\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF",
     "\xE0\xA0\x80\xE2\x80\x94\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"},
    {"FourBytes", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
    {"LineSeparatorStays", "\xE2\x80\xA8", "\xE2\x80\xA8"},
    {"ReplacementCharacterStays", "\xEF\xBF\xBD", "\xEF\xBF\xBD"},
};

class WriteJsonText : public testing::TestWithParam<escape_case> {};

// At each distance from the borders of the writer's words.
TEST_P(WriteJsonText, IsEscapedAtEveryOffset) {
  for (std::size_t before = 0; before <= 17; ++before) {
    for (std::size_t after = 0; after <= 17; ++after) {
      const std::string left(before, 'a');
      const std::string right(after, 'z');
      ASSERT_EQ(message_written(left + std::string(GetParam().text) + right),
                left + std::string(GetParam().written) + right);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, WriteJsonText, testing::ValuesIn(escape_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// Each byte of these is no part of a well-formed sequence.
constexpr std::string_view ill_formed[] = {
    "\x80",              // continuation without a lead
    "\xBF\xBF",          //
    "\xC0\x80",          // overlong NUL
    "\xC1\xBF",          // overlong
    "\xC2",              // cut short
    "\xE0\x80\x80",      // overlong
    "\xE0\x9F\xBF",      // overlong
    "\xE2\x80",          // cut short
    "\xED\xA0\x80",      // surrogate
    "\xED\xBF\xBF",      // surrogate
    "\xF0\x80\x80\x80",  // overlong
    "\xF0\x8F\xBF\xBF",  // overlong
    "\xF0\x90\x80",      // cut short
    "\xF4\x90\x80\x80",  // above U+10FFFF
    "\xF5\x80\x80\x80",  //
    "\xF8\x88\x80\x80\x80",
    "\xFE\xFF",
};

TEST(WriteJsonIllFormed, EachByteBecomesAReplacementCharacter) {
  for (const std::string_view text : ill_formed) {
    std::string expected;
    for (std::size_t i = 0; i < text.size(); ++i) expected += bad;
    EXPECT_EQ(message_written(text), expected);
    EXPECT_EQ(message_written(join({"1234567", text, "x"})), join({"1234567", expected, "x"}));
  }
}

TEST(WriteJsonIllFormed, EveryPairOfBytesAgreesWithTheBook) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{'a', static_cast<char>(first), static_cast<char>(second), 'b'};
      ASSERT_EQ(message_written(text), escaped(text)) << first << ' ' << second;
    }
  }
}

// Leads and continuations at the borders of table 3-7 of the Unicode standard, in all sequences of
// four.
TEST(WriteJsonIllFormed, EverySequenceOfBorderBytesAgreesWithTheBook) {
  constexpr std::string_view bytes =
      "A\x7F\x80\x8F\x90\x9F\xA0\xBF\xC1\xC2\xDF\xE0\xE1\xEC\xED\xEE\xEF\xF0\xF1\xF3\xF4\xF5\xFF";
  for (const char a : bytes) {
    for (const char b : bytes) {
      std::string joined;  // the fourth byte varies within one message, to keep the test short
      for (const char c : bytes) {
        for (const char d : bytes) joined += std::string{a, b, c, d, ' '};
      }
      ASSERT_EQ(message_written(joined), escaped(joined));
    }
  }
}

TEST(WriteJson, EveryTextIsEscapedWhereverItStands) {
  const std::string text = "q\" b\\ \x01 \xFF \xE2\x80\x94";
  const field_view fields[] = {{text, text}};
  const error_view e{text, text, text, text, fields};
  EXPECT_EQ(to_json(e), written_by_the_book(e));
}

// Buffers.

// Writes into a block of exactly `size` bytes, so that AddressSanitizer sees a write past its end,
// with guards on both sides for a build without it.
std::size_t write_exact(const error_view& e, std::size_t size, std::string& out) {
  constexpr std::size_t guard = 16;
  std::string block(size + 2 * guard, '\xA5');
  const std::size_t guarded = write_json(e, std::span(block).subspan(guard, size));
  EXPECT_EQ(block.substr(0, guard), std::string(guard, '\xA5'));
  EXPECT_EQ(block.substr(guard + size), std::string(guard, '\xA5'));

  const std::unique_ptr<char[]> exact(new char[size]);
  const std::size_t need = write_json(e, std::span(exact.get(), size));
  EXPECT_EQ(need, guarded);
  out.assign(exact.get(), std::min(size, need));
  return need;
}

TEST(WriteJsonBuffer, OfEverySizeGetsTheSameLengthAndNoByteTooMany) {
  const field_view fields[] = {{"name", "a \"quoted\" text of some length"},
                               {"n\xC3\xA4me", "\x01\x02 and \xFF"}};
  std::vector<error_view> views;
  for (const errors::row& row : errors::catalogue()) views.push_back(view_of(row));
  views.push_back(error_view{});
  views.push_back({"code", "category", "a message\nin two lines \xE2\x80\x94", "url", fields});
  error_view with_fields = views.front();
  with_fields.fields = fields;
  views.push_back(with_fields);

  for (const error_view& view : views) {
    const std::string whole = written_by_the_book(view);
    std::string out;
    for (std::size_t size = 0; size < whole.size() + 24; ++size) {
      ASSERT_EQ(write_exact(view, size, out), whole.size()) << size;
      if (size >= whole.size()) {
        ASSERT_EQ(out, whole) << size;
      }
    }
  }
}

TEST(WriteJsonBuffer, MayBeNoneAtAll) {
  EXPECT_EQ(write_json(error_view{"c", "", "m", "", {}}, {}),
            std::string_view(R"({"error":{"code":"c","message":"m"}})").size());
  EXPECT_EQ(write_json(error(code::busy), {}), to_json(error(code::busy)).size());
}

TEST(WriteJson, AMessageOfOneMebibyte) {
  std::string message;
  while (message.size() < 1 << 20) message += "0123456\n\xE2\x80\x94 abcdefgh\"";
  const error made = error(code::busy).with_message(message);
  EXPECT_EQ(message_written(message), escaped(message));
  EXPECT_EQ(to_json(made).size(),
            to_json(error(code::busy).with_message("")).size() + escaped(message).size());
}

// to_json() writes once into a small buffer or else twice: both sides of that limit.
TEST(WriteJson, StringsAroundTheSizeOfTheSmallBuffer) {
  const std::size_t rest = to_json(error_view{"x", "", "", "", {}}).size();
  for (std::size_t size = 1024 - rest - 9; size <= 1024 - rest + 9; ++size) {
    const std::string message(size, 'm');
    EXPECT_EQ(message_written(message), message);
  }
}

}  // namespace
}  // namespace parley::envelope
