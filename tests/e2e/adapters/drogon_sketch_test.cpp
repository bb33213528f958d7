// SPDX-License-Identifier: Apache-2.0
#include "drogon_sketch.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <gtest/gtest.h>

#include "parley/http/service.hpp"

namespace drogon_sketch {
namespace {

// The members that the sketch needs, with the signatures that Drogon's headers give them.
class fake_request {
 public:
  const char* methodString() const { return method.c_str(); }
  const std::string& path() const { return decoded_path; }
  const std::string& query() const { return query_text; }
  std::string_view body() const { return body_text; }
  const std::unordered_map<std::string, std::string>& headers() const { return lower_case; }

  std::string method;
  std::string decoded_path;
  std::string query_text = {};
  std::string body_text = {};
  std::unordered_map<std::string, std::string> lower_case = {};
};

class fake_response {
 public:
  static std::shared_ptr<fake_response> newHttpResponse() {
    return std::make_shared<fake_response>();
  }
  void setCustomStatusCode(int code, std::string_view = {}) { status = code; }
  void setContentTypeString(std::string_view type) { content_type = type; }
  void addHeader(std::string name, const std::string& value) { headers[std::move(name)] = value; }
  void addHeader(std::string name, std::string&& value) {
    headers[std::move(name)] = std::move(value);
  }
  void setBody(const std::string& text) { body = text; }
  void setBody(std::string&& text) { body = std::move(text); }

  int status = 0;
  std::string content_type;
  std::map<std::string, std::string> headers;
  std::string body;
};

static_assert(request_like<fake_request> && response_like<fake_response>);
static_assert(!request_like<fake_response> && !response_like<fake_request>);

class DrogonSketch : public testing::Test {
 protected:
  DrogonSketch() {
    http::routes table;
    table.post("/items/{id}", [](const http::request_view& request) {
      http::response made{.status = 202, .body = std::string(request.body)};
      made.headers = {{"Content-Type", "text/plain"},
                      {"Seen-Id", std::string(request.parameter("id"))},
                      {"Seen-Query", std::string(request.query)},
                      {"Seen-Text", std::string(request.header("X-Text").value_or(""))}};
      return made;
    });
    table.get("/later", [this](const http::request_view& request, http::responder respond) {
      later_ = &request;
      respond_ = std::make_unique<http::responder>(std::move(respond));
    });
    service_ = std::make_unique<http::service>(
        std::move(table),
        [](const http::request_view&) -> http::authentication { return std::string("all"); });
  }

  void give(fake_request request) {
    handle<fake_response>(*service_, std::make_shared<fake_request>(std::move(request)),
                          [this](const std::shared_ptr<fake_response>& r) { answer_ = r; });
  }

  std::unique_ptr<http::service> service_;
  const http::request_view* later_ = nullptr;
  std::unique_ptr<http::responder> respond_;
  std::shared_ptr<fake_response> answer_;
};

TEST_F(DrogonSketch, CarriesARequestThereAndAResponseBack) {
  give({.method = "POST",
        .decoded_path = "/items/100%25",
        .query_text = "a=%20",
        .body_text = "order",
        .lower_case = {{"x-text", "b"}}});
  ASSERT_NE(answer_, nullptr);
  EXPECT_EQ(answer_->status, 202);
  EXPECT_EQ(answer_->content_type, "text/plain");
  EXPECT_EQ(answer_->headers["Seen-Id"], "100%25");
  EXPECT_EQ(answer_->headers["Seen-Query"], "a=%20");
  EXPECT_EQ(answer_->headers["Seen-Text"], "b");
  EXPECT_NE(answer_->headers["X-Request-Id"], "");
  EXPECT_EQ(answer_->headers.count("Content-Type"), 0u);
  EXPECT_EQ(answer_->body, "order");
}

TEST_F(DrogonSketch, AnswersWithTheEnvelope) {
  give({.method = "BREW", .decoded_path = "/items/1"});
  ASSERT_NE(answer_, nullptr);
  EXPECT_EQ(answer_->status, 405);
  EXPECT_EQ(answer_->headers["Allow"], "POST");
  EXPECT_TRUE(answer_->body.starts_with(R"({"error":{"code":"validation_error")")) << answer_->body;
}

TEST_F(DrogonSketch, KeepsTheRequestUntilItIsAnswered) {
  give({.method = "GET", .decoded_path = "/later", .query_text = std::string(100, 'q')});
  ASSERT_EQ(answer_, nullptr);
  EXPECT_EQ(later_->query, std::string(100, 'q'));
  std::move(*respond_).send(http::json_response(200, "{}"));
  ASSERT_NE(answer_, nullptr);
  EXPECT_EQ(answer_->status, 200);
}

}  // namespace
}  // namespace drogon_sketch
