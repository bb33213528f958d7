// SPDX-License-Identifier: Apache-2.0
//
// What the writers write the parsers read. Random, from a seed that is printed with a failure.

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "envelope/reference.hpp"
#include "parley/envelope/error.hpp"
#include "parley/envelope/problem.hpp"

namespace parley::envelope {
namespace {

constexpr std::uint64_t seed = 20240607;

class random_text {
 public:
  // Bytes of any value.
  std::string bytes() {
    std::string text(pick(40), '\0');
    for (char& c : text) c = static_cast<char>(pick(256));
    return text;
  }

  // Well-formed UTF-8 of what a writer may stumble over.
  std::string utf8() {
    constexpr std::string_view parts[] = {"a",
                                          "plain text ",
                                          "\"",
                                          "\\",
                                          "\n",
                                          "\x01",
                                          "\x7F",
                                          "/",
                                          "\xC3\xA4",
                                          "\xE2\x80\x94",
                                          "\xF0\x9F\x98\x80",
                                          "\xED\x9F\xBF",
                                          "\xEF\xBF\xBF",
                                          {"\0", 1}};
    std::string text;
    for (std::size_t count = pick(12); count > 0; --count) text += parts[pick(std::size(parts))];
    return text;
  }

  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(engine_);
  }

 private:
  std::mt19937_64 engine_{seed};
};

error random_error(random_text& random) {
  const errors::row& row = errors::catalogue()[random.pick(errors::catalogue().size())];
  error made(row.code, row.tier);
  if (random.pick(2) == 0) made.with_message(random.utf8());
  if (random.pick(3) == 0) made.with_doc_url();
  if (random.pick(3) == 0) made.with_doc_url(random.utf8());
  for (std::size_t fields = random.pick(5); fields > 0; --fields) {
    made.with_field(random.utf8(), random.utf8());
  }
  return made;
}

TEST(RoundTrip, OfRandomErrors) {
  random_text random;
  for (int round = 0; round < 20'000; ++round) {
    const error made = random_error(random);
    const std::string json = to_json(made);
    auto read = parse(json);
    ASSERT_TRUE(read.has_value()) << "seed " << seed << ", round " << round << ": " << json;
    if (made.http_status() != 0) read->with_http_status(made.http_status());
    ASSERT_EQ(*read, made) << "seed " << seed << ", round " << round << ": " << json;
    ASSERT_EQ(to_json(*read), json);
  }
}

TEST(RoundTrip, OfRandomProblems) {
  random_text random;
  for (int round = 0; round < 20'000; ++round) {
    const error known = random_error(random);
    const std::string name = random.utf8();
    const error foreign = to_error({name, "", known.message(), known.doc_url(), {}});
    const std::string base = random.pick(2) == 0 ? "" : random.utf8();
    const std::string instance = random.utf8();
    const problem_options options{.type_base = base, .instance = instance};
    for (const error& made : {known, foreign}) {
      const std::string json = to_problem(made, options);
      const auto read = parse_problem(json, options);
      ASSERT_TRUE(read.has_value()) << "seed " << seed << ", round " << round << ": " << json;
      ASSERT_EQ(*read, made) << "seed " << seed << ", round " << round << ": " << json;
      ASSERT_EQ(to_problem(*read, options), json);
    }
  }
}

TEST(RoundTrip, OfRandomBytesReadsThemRepaired) {
  random_text random;
  for (int round = 0; round < 20'000; ++round) {
    const std::string code = random.bytes();
    const std::string category = random.bytes();
    const std::string message = random.bytes();
    const std::string doc_url = random.bytes();
    const std::string name = random.bytes();
    const std::string explanation = random.bytes();
    const field_view fields[] = {{name, explanation}};
    const std::string json = to_json(error_view{code, category, message, doc_url, fields});
    const auto read = parse(json);
    ASSERT_TRUE(read.has_value()) << "seed " << seed << ", round " << round << ": " << json;
    ASSERT_EQ(read->code_name(), repaired(code));
    ASSERT_EQ(read->category_name(), repaired(category));
    ASSERT_EQ(read->message(), repaired(message));
    ASSERT_EQ(read->doc_url(), repaired(doc_url));
    ASSERT_EQ(read->fields().size(), 1u);
    ASSERT_EQ(read->fields()[0], (field{repaired(name), repaired(explanation)}));
    ASSERT_EQ(to_json(*read), json);
  }
}

}  // namespace
}  // namespace parley::envelope
