// SPDX-License-Identifier: Apache-2.0
#include "parley/envelope/problem.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "envelope/json_grammar.hpp"
#include "envelope/reference.hpp"
#include "parley/errors/own_catalogue.hpp"

namespace parley::envelope {
namespace {

using errors::code;
using errors::tier;
using testing::ElementsAre;
using namespace std::string_view_literals;

constexpr code scope_missing = errors::own_code(0);
constexpr code quota_used_up = errors::own_code(1);
constexpr std::array own_rows = {
    errors::http_row(scope_missing, 403, errors::retry_hint::never, "scope_missing",
                     "#authentication", "The API key lacks a \"scope\"."),
    errors::call_row(quota_used_up, errors::category::account_limit, 429, errors::retryable::yes,
                     errors::retry_hint::later, "quota_used_up", "https://a.example/errors#quota",
                     "The day's calls are used up."),
};
constexpr auto merged_rows = errors::merge(errors::built_in_rows, own_rows);
constexpr errors::catalogue_view merged = errors::catalogue<merged_rows>();

constexpr problem_options own_types{.type_base = "https://api.example/problems/"};

// Of no catalogue.
error foreign(std::string_view name, std::string_view message = "m", std::uint16_t status = 0) {
  error made = to_error({name, "", message, "", {}});
  if (status != 0) made.with_http_status(status);
  return made;
}

// The two examples of the header and the guide.

TEST(WriteProblem, ExampleOfTheHeader) {
  EXPECT_EQ(to_problem(error(code::caller_id_not_verified).with_message("+15550100 is not yours.")),
            R"({"type":"https://docs.revdesk.com/api-reference/errors#invalid-request",)"
            R"("title":"The caller ID isn't verified for this account.","status":422,)"
            R"("detail":"+15550100 is not yours.","code":"caller_id_not_verified",)"
            R"("category":"invalid_request"})");
}

TEST(WriteProblem, AllMembersInTheirOrder) {
  EXPECT_EQ(to_problem(error(code::caller_id_not_verified)
                           .with_message("+15550100 is not yours.")
                           .with_field("caller_id", "Verify it first")
                           .with_field("b", "c"),
                       {.type_base = "https://api.example/problems/", .instance = "/calls/1"}),
            R"({"type":"https://api.example/problems/caller_id_not_verified",)"
            R"("title":"The caller ID isn't verified for this account.","status":422,)"
            R"("detail":"+15550100 is not yours.","instance":"/calls/1",)"
            R"("code":"caller_id_not_verified","category":"invalid_request",)"
            R"("doc_url":"https://docs.revdesk.com/api-reference/errors#invalid-request",)"
            R"("fields":{"caller_id":"Verify it first","b":"c"}})");
}

// type and title

TEST(ProblemType, IsAbsentWithoutABaseAndADocUrl) {
  EXPECT_EQ(to_problem(error(code::validation_error).with_message("m")),
            R"({"title":"Bad Request","status":400,"detail":"m","code":"validation_error"})");
}

TEST(ProblemType, IsTheDocUrlWithoutABase) {
  EXPECT_EQ(to_problem(error(code::validation_error).with_message("m").with_doc_url("/e#v")),
            join({R"({"type":"/e#v","title":")", errors::row_of(code::validation_error).message,
                  R"(","status":400,"detail":"m","code":"validation_error"})"}));
}

TEST(ProblemType, IsNeverADocUrlThatMeansNone) {  // RFC 9457, 4.2.1
  const error made = error(code::not_found).with_message("m").with_doc_url("about:blank");
  const std::string body = to_problem(made);
  EXPECT_EQ(body, R"({"title":"Not Found","status":404,"detail":"m","code":"not_found",)"
                  R"("doc_url":"about:blank"})");
  EXPECT_EQ(*parse_problem(body), made);
}

TEST(ProblemType, IsOfTheCodeWithABase) {
  EXPECT_EQ(to_problem(foreign("a_b"), {.type_base = "urn:x:"}),
            R"({"type":"urn:x:a_b","detail":"m","code":"a_b"})");
  EXPECT_EQ(to_problem(foreign("a_b").with_doc_url("/e"), {.type_base = "urn:x:"}),
            R"({"type":"urn:x:a_b","detail":"m","code":"a_b","doc_url":"/e"})");
}

// Each byte: RFC 3986, 2.3, lists those that stay.
TEST(ProblemType, CodeIsPercentEncoded) {
  for (int value = 0; value < 256; ++value) {
    const char byte = static_cast<char>(value);
    const bool is_unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                               (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
                               byte == '_' || byte == '~';
    const std::string name = {'a', byte};
    const auto problem = boost::json::parse(to_problem(foreign(name), {.type_base = "b:"}));
    const std::string hex = {"0123456789ABCDEF"[value >> 4], "0123456789ABCDEF"[value & 15]};
    const std::string expected = is_unreserved ? join({"b:", name}) : join({"b:a%", hex});
    EXPECT_EQ(problem.at("type").as_string(), expected) << value;
    EXPECT_EQ(problem.at("code").as_string(), repaired(name)) << value;
  }
}

TEST(ProblemType, BaseIsEscapedAsATextIs) {
  EXPECT_EQ(to_problem(foreign("x"), {.type_base = "\"\xFF\n"}),
            "{\"type\":\"\\\"\xEF\xBF\xBD\\nx\",\"detail\":\"m\",\"code\":\"x\"}");
}

TEST(ProblemTitle, IsTheCataloguesWhereThereIsAType) {
  for (const errors::row& row : errors::catalogue()) {
    const auto problem =
        boost::json::parse(to_problem(error(row.code, row.tier).with_message("m"), own_types));
    EXPECT_EQ(problem.at("title").as_string(), row.message) << row.name;
    EXPECT_EQ(problem.at("detail").as_string(), "m");
  }
}

TEST(ProblemTitle, IsOfTheOwnCatalogue) {
  problem_options options = own_types;
  const error made = error(own_rows[0]).with_message("m");
  EXPECT_EQ(to_problem(made, options),
            R"({"type":"https://api.example/problems/scope_missing","status":403,"detail":"m",)"
            R"("code":"scope_missing"})");
  options.catalogue = merged;
  EXPECT_EQ(to_problem(made, options),
            R"({"type":"https://api.example/problems/scope_missing",)"
            R"("title":"The API key lacks a \"scope\".","status":403,"detail":"m",)"
            R"("code":"scope_missing"})");
}

// A code of both tiers has a title in each (G2).
TEST(ProblemTitle, IsOfTheTier) {
  for (const errors::row& row : errors::catalogue()) {
    EXPECT_FALSE(boost::json::parse(to_problem(error(row.code, row.tier), own_types))
                     .as_object()
                     .contains("detail"))
        << row.name << " " << to_string(row.tier);
  }
}

// RFC 9457, 4.2.1, with the phrases of errors in RFC 9110, section 15, and RFC 6585.
TEST(ProblemTitle, IsThePhraseOfTheStatusWhereThereIsNoType) {
  const std::map<int, std::string_view> phrases = {
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {402, "Payment Required"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {407, "Proxy Authentication Required"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {416, "Range Not Satisfiable"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {426, "Upgrade Required"},
      {428, "Precondition Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {511, "Network Authentication Required"},
  };
  for (int status = 100; status <= 999; ++status) {
    const auto found = phrases.find(status);
    const std::string title =
        found == phrases.end() ? "" : join({R"("title":")", found->second, R"(",)"});
    EXPECT_EQ(
        to_problem(foreign("x", "m", static_cast<std::uint16_t>(status))),
        join({"{", title, R"("status":)", std::to_string(status), R"(,"detail":"m","code":"x"})"}));
  }
}

// detail, status, instance and the rest

TEST(ProblemDetail, IsAbsentWhereTheTitleSaysIt) {
  EXPECT_EQ(to_problem(foreign("x", "Gone", 410)), R"({"title":"Gone","status":410,"code":"x"})");
  EXPECT_EQ(to_problem(foreign("x", "gone", 410)),
            R"({"title":"Gone","status":410,"detail":"gone","code":"x"})");
}

TEST(ProblemDetail, IsThereWhenItIsEmptyAndTheTitleIsNot) {
  EXPECT_EQ(to_problem(foreign("x", "", 410)),
            R"({"title":"Gone","status":410,"detail":"","code":"x"})");
  EXPECT_EQ(to_problem(foreign("x", "")), R"({"code":"x"})");
}

TEST(ProblemStatus, IsThereFrom100To999) {
  const std::string body = to_json(foreign("x"));
  for (const auto& [status, is_there] :
       {std::pair(0, false), std::pair(99, false), std::pair(100, true), std::pair(999, true),
        std::pair(1000, false), std::pair(65535, false)}) {
    const auto answer = read_response(static_cast<std::uint16_t>(status), body);
    const std::string member = join({R"("status":)", std::to_string(status), ","});
    EXPECT_EQ(to_problem(*answer.envelope),
              join({"{", is_there ? member : "", R"("detail":"m","code":"x"})"}));
  }
}

TEST(ProblemInstance, IsThereWhenItIsGiven) {
  EXPECT_EQ(to_problem(foreign("x"), {.instance = "urn:uuid:1"}),
            R"({"detail":"m","instance":"urn:uuid:1","code":"x"})");
  EXPECT_EQ(to_problem(foreign("x"), {.instance = "/a?b=\"\n"}),
            R"({"detail":"m","instance":"/a?b=\"\n","code":"x"})");
}

TEST(WriteProblem, EmptyCodeIsAMember) {
  EXPECT_EQ(to_problem(foreign("", ""), {.type_base = "b:"}), R"({"type":"b:","code":""})");
}

TEST(WriteProblem, FieldsAreEscaped) {
  EXPECT_EQ(to_problem(foreign("x").with_field("", "").with_field("\"", "\xFF\x01")),
            "{\"detail\":\"m\",\"code\":\"x\",\"fields\":{\"\":\"\","
            "\"\\\"\":\"\xEF\xBF\xBD\\u0001\"}}");
}

// Every byte in each place, alone and inside a text of more than a word.
TEST(WriteProblem, OfAnyBytesIsJson) {
  for (int value = 0; value < 256; ++value) {
    for (const std::string& text :
         {std::string(1, static_cast<char>(value)),
          join({"abcdefgh", std::string(1, static_cast<char>(value)), "ijklmnopq"})}) {
      const error made = foreign(text, text).with_doc_url(text).with_field(text, text);
      for (const problem_options& options :
           {problem_options{}, problem_options{.type_base = text, .instance = text}}) {
        const std::string json = to_problem(made, options);
        EXPECT_EQ(judge(json), verdict::json) << json;
        const auto problem = boost::json::parse(json);
        const std::string said = repaired(text);
        EXPECT_EQ(problem.at("detail").as_string(), said);
        EXPECT_EQ(problem.at("code").as_string(), said);
        EXPECT_EQ(problem.at("fields").at(said).as_string(), said);
        EXPECT_EQ(problem.at(options.type_base.empty() ? "type" : "doc_url").as_string(), said);
      }
    }
  }
}

TEST(WriteProblem, IntoABufferOfAnySize) {
  const error made = error(code::no_active_number)
                         .with_message("wait \xE2\x80\x94 \"now\"\n\x01\xFF")
                         .with_field("from_number", "is not active")
                         .with_field("b", "");
  for (const problem_options& options :
       {problem_options{},
        problem_options{.type_base = "https://api.example/problems/", .instance = "/calls/1"}}) {
    const std::string whole = to_problem(made, options);
    for (std::size_t size = 0; size <= whole.size() + 9; ++size) {
      // Of the exact size, so that AddressSanitizer sees a byte behind it.
      const std::unique_ptr<char[]> exact(new char[size]);
      ASSERT_EQ(write_problem(made, std::span(exact.get(), size), options), whole.size());
      if (size >= whole.size()) {
        ASSERT_EQ(std::string_view(exact.get(), whole.size()), whole);
      }
    }
    EXPECT_EQ(write_problem(made, {}, options), whole.size());
  }
}

TEST(WriteProblem, LongerThanTheStack) {
  const std::string text(5000, '\n');
  const std::string json = to_problem(foreign("x", text));
  EXPECT_EQ(json, join({R"({"detail":")", escaped(text), R"(","code":"x"})"}));
}

// Reading

struct read_case {
  const char* name;
  std::string_view body;
  std::string_view envelope;  // what was read, as one
  std::uint16_t status = 0;
  std::string_view type_base = "";
};
constexpr read_case read_cases[] = {
    {"CodeAlone", R"({"code":"x"})", R"({"error":{"code":"x","message":""}})"},
    {"EmptyCode", R"({"code":""})", R"({"error":{"code":"","message":""}})"},
    {"All",
     R"({"type":"t","title":"no","status":404,"detail":"d","instance":"no","code":"x",)"
     R"("category":"c","doc_url":"u","fields":{"a":"b"}})",
     R"({"error":{"code":"x","category":"c","message":"d","doc_url":"u","fields":{"a":"b"}}})",
     404},
    {"AnyOrder", R"({"fields":{"a":"b"},"detail":"d","code":"x","title":"no","status":500})",
     R"({"error":{"code":"x","message":"d","fields":{"a":"b"}}})", 500},
    {"TitleWithoutDetail", R"({"title":"t","code":"x"})",
     R"({"error":{"code":"x","message":"t"}})"},
    {"TitleBesideAnEmptyDetail", R"({"title":"t","detail":"","code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"TitleBesideADetailOfTheWrongType", R"({"detail":7,"title":"t","code":"x"})",
     R"({"error":{"code":"x","message":"t"}})"},
    {"EscapedTitle", R"({"title":"t\n\u2014","code":"x"})",
     "{\"error\":{\"code\":\"x\",\"message\":\"t\\n\xE2\x80\x94\"}}"},
    {"MessageIsNoMemberOfProblems", R"({"message":"m","code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"TypeForADocUrl", R"({"type":"https://b.example/e","code":"x"})",
     R"({"error":{"code":"x","message":"","doc_url":"https://b.example/e"}})"},
    {"EscapedType", R"({"type":"\u002fe\u0022","code":"x"})",
     R"({"error":{"code":"x","message":"","doc_url":"/e\""}})"},
    {"TypeBesideADocUrl", R"({"doc_url":"u","type":"t","code":"x"})",
     R"({"error":{"code":"x","message":"","doc_url":"u"}})"},
    {"TypeBesideAnEmptyDocUrl", R"({"doc_url":"","type":"t","code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"TypeOfTheWrongType", R"({"type":{"code":"no"},"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"EmptyType", R"({"type":"","code":"x"})", R"({"error":{"code":"x","message":""}})"},
    {"TypeAboutBlank", R"({"type":"about:blank","code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"TypeThatOnlyBeginsLikeAboutBlank", R"({"type":"about:blank#","code":"x"})",
     R"({"error":{"code":"x","message":"","doc_url":"about:blank#"}})"},
    {"OwnType", R"({"type":"b:x","code":"x"})", R"({"error":{"code":"x","message":""}})", 0, "b:"},
    {"OwnTypeOfAnotherCode", R"({"type":"b:y","code":"x"})",
     R"({"error":{"code":"x","message":""}})", 0, "b:"},
    {"TypeOfAnotherBase", R"({"type":"c:x","code":"x"})",
     R"({"error":{"code":"x","message":"","doc_url":"c:x"}})", 0, "b:"},
    {"TypeShorterThanTheBase", R"({"type":"b","code":"x"})",
     R"({"error":{"code":"x","message":"","doc_url":"b"}})", 0, "b:"},
    {"OwnTypeAndADocUrl", R"({"type":"b:x","doc_url":"u","code":"x"})",
     R"({"error":{"code":"x","message":"","doc_url":"u"}})", 0, "b:"},
    {"CategoryOfAKnownCode", R"({"code":"busy","category":"unreachable"})",
     R"({"error":{"code":"busy","category":"unreachable","message":""}})"},
    {"Status100", R"({"status":100,"code":"x"})", R"({"error":{"code":"x","message":""}})", 100},
    {"Status999", R"({"status":999,"code":"x"})", R"({"error":{"code":"x","message":""}})", 999},
    {"Status99", R"({"status":99,"code":"x"})", R"({"error":{"code":"x","message":""}})"},
    {"Status1000", R"({"status":1000,"code":"x"})", R"({"error":{"code":"x","message":""}})"},
    {"StatusBelowZero", R"({"status":-404,"code":"x"})", R"({"error":{"code":"x","message":""}})"},
    // 404 in 16 and in 32 bits.
    {"StatusBeyond16Bits", R"({"status":65940,"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"StatusBeyond32Bits", R"({"status":4294967700,"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"StatusBeyond64Bits", R"({"status":18446744073709552020,"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"StatusIsAText", R"({"status":"404","code":"x"})", R"({"error":{"code":"x","message":""}})"},
    {"StatusWithAFraction", R"({"status":404.0,"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"StatusWithAnExponent", R"({"status":404e0,"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"StatusWithAnExponentThatIsMended", R"({"status":404e5,"a":1e99999999999,"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"LastOfTwoStatuses", R"({"status":500,"status":404,"code":"x"})",
     R"({"error":{"code":"x","message":""}})", 404},
    {"LastOfTwoStatusesThatIsANumber", R"({"status":404,"status":"500","status":[500],"code":"x"})",
     R"({"error":{"code":"x","message":""}})", 404},
    {"LastOfTwoStatusesIsNone", R"({"status":404,"status":7,"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"LastOfTwoStatusesIsAFraction", R"({"status":404,"status":500.5,"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"LastOfTwoStatusesIsHuge", R"({"status":404,"status":18446744073709551615,"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"StatusOfAnotherLevel", R"({"a":{"status":500},"fields":{"status":500},"b":[500],"code":"x"})",
     R"({"error":{"code":"x","message":""}})"},
    {"ExtensionMembers",
     R"({"code":"x","balance":30,"accounts":["/a"],"code2":"no","error":{"code":"no"}})",
     R"({"error":{"code":"x","message":""}})"},
};

class ProblemBody : public testing::TestWithParam<read_case> {};

TEST_P(ProblemBody, IsRead) {
  const auto read = parse_problem(GetParam().body, {.type_base = GetParam().type_base});
  ASSERT_TRUE(read) << to_string(read.error().reason);
  EXPECT_EQ(to_json(*read), GetParam().envelope);
  EXPECT_EQ(read->http_status(), GetParam().status);
}

INSTANTIATE_TEST_SUITE_P(, ProblemBody, testing::ValuesIn(read_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// The shapes of RFC 9457's examples, which carry no code.
TEST(ParseProblemRefuses, ProblemsWithoutACode) {
  for (const std::string_view body :
       {R"({"type":"https://a.example/no-credit","title":"No credit left.",)"
        R"("detail":"It costs 50, and 30 are left.","instance":"/accounts/1","balance":30,)"
        R"("accounts":["/accounts/1","/accounts/2"]})"sv,
        R"({"type":"https://a.example/invalid","title":"The request is not valid.",)"
        R"("errors":[{"detail":"must be positive","pointer":"#/age","code":"no"}]})"sv,
        R"({"type":"about:blank","title":"Not Found","status":404})"sv, "{}"sv,
        R"({"code":null,"title":"t"})"sv, R"({"code":404})"sv, R"({"error":{"code":"x"}})"sv,
        R"([{"code":"x"}])"sv, R"("code")"sv}) {
    const auto read = parse_problem(body);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error(), (parse_failure{errc::not_envelope, 0}));
  }
}

TEST(ParseProblemLimits, AreThoseOfParse) {
  const std::string body = R"({"code":"x","fields":{"a":"1","b":"2"}})";
  EXPECT_TRUE(parse_problem(body, {}, {.body_bytes_max = body.size(), .depth_max = 2}));
  EXPECT_EQ(parse_problem(body, {}, {.body_bytes_max = body.size() - 1}).error(),
            (parse_failure{errc::too_large, body.size() - 1}));
  EXPECT_EQ(parse_problem(body, {}, {.depth_max = 1}).error().reason, errc::too_deep);
  EXPECT_THAT(parse_problem(body, {}, {.fields_max = 1})->fields(), ElementsAre(field{"a", "1"}));
  EXPECT_EQ(parse_problem(body)->fields().size(), 2u);
  EXPECT_EQ(parse_problem("").error(), (parse_failure{errc::empty_body, 0}));
}

TEST(ParseProblem, KnowsTheCodesOfTheLimitsCatalogue) {
  const std::string body = to_problem(error(own_rows[0]));
  EXPECT_EQ(parse_problem(body)->code(), code::unknown);
  EXPECT_EQ(parse_problem(body, {.catalogue = merged})->code(), code::unknown);
  EXPECT_EQ(parse_problem(body, {}, {.catalogue = merged})->code(), scope_missing);
}

// Both ways

TEST(ProblemRoundTrip, OfEveryRow) {
  for (const errors::row& row : merged) {
    const error as_it_is(row);
    for (const error& made :
         {as_it_is, error(as_it_is).with_message("m"), error(as_it_is).with_message(""),
          error(as_it_is).with_doc_url(), error(as_it_is).with_doc_url(""),
          error(as_it_is).with_doc_url("about:blank"),
          error(as_it_is).with_doc_url(std::string(own_types.type_base)),
          error(as_it_is).with_http_status(418), error(as_it_is).with_field("a", "b\n")}) {
      for (const std::string_view base : {""sv, own_types.type_base, "about:"sv}) {
        const problem_options options{
            .type_base = base, .instance = "/calls/1", .catalogue = merged};
        const std::string body = to_problem(made, options);
        const auto read = parse_problem(body, options, {.catalogue = merged});
        ASSERT_TRUE(read) << body;
        EXPECT_EQ(*read, made) << body;
        EXPECT_EQ(read->code(), row.code) << body;
        EXPECT_EQ(to_problem(*read, options), body);
      }
    }
  }
}

TEST(ProblemMediaType, IsTheRegisteredOne) {  // RFC 9457, 6.1
  EXPECT_EQ(problem_media_type, "application/problem+json");
}

}  // namespace
}  // namespace parley::envelope
