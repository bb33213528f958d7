// SPDX-License-Identifier: Apache-2.0
//
// The OpenAPI document is the one that its sources make, and tells of just the routes that are
// served.

#include "sandbox/openapi.hpp"

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "sandbox/gen/document.hpp"
#include "sandbox/route_table.hpp"
#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr const char* folder = PARLEY_TEST_SOURCE_FOLDER;
std::string api() { return read_file(std::string(folder) + "/lib/sandbox/gen/openapi.json"); }
std::string errors() {
  return read_file(std::string(folder) + "/docs/reference/errors.openapi.json");
}

TEST(OpenApi, IsFresh) {
  const std::string made = gen::make_document(api(), errors());
  EXPECT_EQ(openapi_document, made) << "stale: run lib/sandbox/gen/refresh.sh";
  EXPECT_EQ(read_file(std::string(folder) + "/lib/sandbox/openapi.generated.cpp"),
            gen::render_source(made));
}

TEST(OpenApi, IsNotMadeOfBadSources) {
  EXPECT_THROW(gen::make_document("{", errors()), std::exception);
  EXPECT_THROW(gen::make_document("{}", errors()), std::exception);
  EXPECT_THROW(gen::make_document(api(), "[]"), std::exception);
  EXPECT_THROW(gen::make_document(api(), api()), std::exception) << "a component twice";
}

// What is not ASCII is escaped, within and beyond the first 65,536 code points.
TEST(OpenApi, IsAscii) {
  const std::string made = gen::make_document(
      "{\"components\":{\"schemas\":{},\"responses\":{}},"
      "\"x\":\"\xC3\xA4\xE2\x80\x99\xF0\x9F\x98\x80\"}",
      R"({"components":{"schemas":{},"responses":{}}})");
  EXPECT_NE(made.find(R"("x":"\u00e4\u2019\ud83d\ude00")"), std::string::npos) << made;
  for (const char c : openapi_document) EXPECT_GT(c, 0);
}

boost::json::value document() {
  return boost::json::parse(
      boost::json::string_view(openapi_document.data(), openapi_document.size()));
}

std::string upper(std::string_view text) {
  std::string made(text);
  for (char& c : made) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return made;
}

// "GET /v1/calls/{id}" of each operation.
std::set<std::string> documented() {
  std::set<std::string> all;
  const auto read = document();
  for (const auto& [path, item] : read.at("paths").as_object()) {
    for (const auto& [member, operation] : item.as_object()) {
      if (operation.is_object()) all.insert(upper(member) + " " + std::string(path));
    }
  }
  return all;
}

TEST(OpenApi, TellsOfEveryRouteAndOfNoOther) {
  std::set<std::string> routes;
  for (const route_row& each : route_table) routes.insert(each.text());
  EXPECT_EQ(routes.size(), route_table.size());
  EXPECT_EQ(documented(), routes);
}

TEST(OpenApi, RefersToWhatIsThere) {
  const auto all = document();
  std::set<std::string> used;
  const auto walk = [&](const auto& self, const boost::json::value& value) -> void {
    if (value.is_array()) {
      for (const auto& each : value.get_array()) self(self, each);
    }
    if (!value.is_object()) return;
    for (const auto& [name, member] : value.get_object()) {
      if (name == "$ref") used.insert(member.as_string().c_str());
      self(self, member);
    }
  };
  walk(walk, all);
  std::set<std::string> there;
  for (const auto& [kind, components] : all.at("components").as_object()) {
    if (kind == "securitySchemes") continue;
    for (const auto& [name, component] : components.as_object()) {
      there.insert("#/components/" + std::string(kind) + "/" + std::string(name));
    }
  }
  EXPECT_EQ(used, there) << "and nothing stands there unused";
}

TEST(OpenApi, HasTheSecurityAndTagsOfEachRoute) {
  const auto all = document();
  for (const route_row& each : route_table) {
    std::string method(to_string(each.method));
    for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto& path = all.at("paths").as_object().at(
        boost::json::string_view(each.path.text().data(), each.path.text().size()));
    const auto& operation = path.at(method).as_object();
    EXPECT_EQ(operation.contains("security"), !each.is_api()) << each.text();
    const bool is_webhook = each.path.text() == "/v1/webhook";
    const char* const tag = is_webhook ? "Webhooks" : each.is_api() ? "Calls" : "Sandbox";
    EXPECT_EQ(operation.at("tags").at(0), tag) << each.text();
    const auto& responses = operation.at("responses").as_object();
    EXPECT_EQ(responses.contains("401"), each.is_api());
    ASSERT_TRUE(responses.contains("403")) << each.text();
    EXPECT_EQ(responses.at("403").at("$ref") == "#/components/responses/Foreign", !each.is_api());
  }
}

class ServedOpenApi : public SandboxTest {};

TEST_F(ServedOpenApi, IsTheDocument) {
  const auto response = get("/openapi.json", "Authorization: none\r\n");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Type"), "application/json");
  EXPECT_EQ(response.body, openapi_document);
}

// What the server itself says of each path, by way of a method that none has.
TEST_F(ServedOpenApi, HasTheMethodsThatAreServed) {
  std::set<std::string> served;
  const auto read = document();
  for (const auto& [path, item] : read.at("paths").as_object()) {
    std::string asked(path);
    if (const std::size_t at = asked.find("{id}"); at != std::string::npos) {
      asked.replace(at, 4, "call_1");
    }
    const auto refused = send("BREW", asked);
    EXPECT_EQ(refused.status, 405) << asked;
    std::string allow = refused.header("Allow").value_or("") + ", ";
    for (std::size_t end = 0; (end = allow.find(", ")) != std::string::npos;) {
      if (allow.substr(0, end) != "HEAD") {
        served.insert(allow.substr(0, end) + " " + std::string(path));
      }
      allow.erase(0, end + 2);
    }
  }
  EXPECT_EQ(served, documented());
}

}  // namespace
}  // namespace parley::sandbox
