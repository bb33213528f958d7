// SPDX-License-Identifier: Apache-2.0
#include "parley/http/routes.hpp"

#include <string>

#include <gtest/gtest.h>

namespace parley::http {
namespace {

response nothing(const request_view&) { return {}; }

struct template_case {
  const char* name;
  std::string text;
  bool valid;
};

class PathTemplate : public testing::TestWithParam<template_case> {};

TEST_P(PathTemplate, IsCheckedWhenCompiled) {
  EXPECT_EQ(path_template::is_valid(GetParam().text), GetParam().valid) << GetParam().text;
}

std::string segments(std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) path += "/s";
  return path;
}

INSTANTIATE_TEST_SUITE_P(
    , PathTemplate,
    testing::Values(template_case{"Root", "/", true}, template_case{"Empty", "", false},
                    template_case{"NoSlash", "v1", false}, template_case{"Literal", "/v1", true},
                    template_case{"Parameter", "/v1/{id}", true},
                    template_case{"TwoParameters", "/{a}/{b}", true},
                    template_case{"SlashAtTheEnd", "/v1/", false},
                    template_case{"TwoSlashes", "/v1//calls", false},
                    template_case{"Open", "/{id", false}, template_case{"Close", "/id}", false},
                    template_case{"NoName", "/{}", false},
                    template_case{"ParameterTwice", "/{id}/legs/{id}", false},
                    template_case{"ParametersThatBeginAlike", "/{id}/{idx}", true},
                    template_case{"ParameterInside", "/call-{id}", false},
                    template_case{"Query", "/v1?x", false}, template_case{"Escape", "/%41", false},
                    template_case{"Blank", "/a b", false},
                    template_case{"MostSegments", segments(segments_max), true},
                    template_case{"TooManySegments", segments(segments_max + 1), false}),
    [](const auto& each) { return std::string(each.param.name); });

class Routes : public testing::Test {
 protected:
  Routes() {
    table_.get("/", nothing);
    table_.get("/v1/calls", nothing);
    table_.post("/v1/calls", nothing);
    table_.post("/v1/calls/dial", nothing);
    table_.get("/v1/calls/{id}", nothing);
    table_.delete_("/v1/calls/{id}", nothing);
    table_.get("/v1/calls/{id}/legs/{leg}", nothing);
    table_.put("/v1/web+hook", nothing);
  }

  // The template that matched, "405 <methods>", or "404".
  std::string find(method m, std::string_view path) {
    const routes::match match = table_.find(m, path, decoded_, parameters_);
    if (match.route != nullptr) return match.route->path;
    return match.allow.empty() ? "404" : "405 " + match.allow;
  }
  std::string parameter(std::string_view name) const {
    request_view view;
    view.parameters = parameters_;
    return std::string(view.parameter(name));
  }

  routes table_;
  std::string decoded_;
  std::vector<path_parameter> parameters_;
};

TEST_F(Routes, FindTheTemplate) {
  EXPECT_EQ(find(method::get, "/"), "/");
  EXPECT_EQ(find(method::get, "/v1/calls"), "/v1/calls");
  EXPECT_EQ(find(method::post, "/v1/calls/dial"), "/v1/calls/dial");
  EXPECT_EQ(find(method::get, "/v1/calls/call_1"), "/v1/calls/{id}");
  EXPECT_EQ(parameter("id"), "call_1");
  EXPECT_EQ(find(method::get, "/v1/calls/call_1/legs/2"), "/v1/calls/{id}/legs/{leg}");
  EXPECT_EQ(parameter("id"), "call_1");
  EXPECT_EQ(parameter("leg"), "2");
}

TEST_F(Routes, GoBackFromALiteralThatEndsEarly) {
  EXPECT_EQ(find(method::get, "/v1/calls/dial/legs/2"), "/v1/calls/{id}/legs/{leg}");
  EXPECT_EQ(parameter("id"), "dial");
}

TEST_F(Routes, SayWhichMethodsAPathTakes) {
  EXPECT_EQ(find(method::put, "/v1/calls"), "405 GET, HEAD, POST");
  EXPECT_EQ(find(method::patch, "/v1/calls/call_1"), "405 GET, HEAD, DELETE");
  EXPECT_EQ(find(method::other, "/v1/calls"), "405 GET, HEAD, POST");
  // The literal path wins before the method is looked at.
  EXPECT_EQ(find(method::get, "/v1/calls/dial"), "405 POST");
}

TEST_F(Routes, ServeHeadWithGet) {
  EXPECT_EQ(find(method::head, "/v1/calls"), "/v1/calls");
  EXPECT_EQ(find(method::head, "/v1/calls/dial"), "405 POST");
}

TEST_F(Routes, AreNotFoundElsewhere) {
  for (const char* path : {"", "v1", "//", "/v1", "/v1/", "/v1/calls/", "/v1//calls", "/V1/calls",
                           "/v1/calls/a/b", "/v1/calls/a/legs", "/v1/calls/a/legs/", "/v1/calls?x",
                           "/v1/calls#x", "/v1/callss", "/v1/call", "*"}) {
    EXPECT_EQ(find(method::get, path), "404") << path;
    EXPECT_TRUE(parameters_.empty()) << path;
  }
}

TEST_F(Routes, CompareSegmentsDecoded) {
  EXPECT_EQ(find(method::get, "/v1/c%61lls"), "/v1/calls");
  EXPECT_EQ(find(method::put, "/v1/web%2Bhook"), "/v1/web+hook");
  EXPECT_EQ(find(method::get, "/v1/calls/a%2fb%00%C3%A9"), "/v1/calls/{id}");
  EXPECT_EQ(parameter("id"), std::string("a/b\0\xc3\xa9", 6));
  // An escaped slash separates nothing.
  EXPECT_EQ(find(method::get, "/v1%2Fcalls"), "404");
}

TEST_F(Routes, RefuseMalformedEscapes) {
  for (const char* path : {"/v1/calls/%", "/v1/calls/%4", "/v1/calls/%4g", "/v1/calls/%g4",
                           "/v1/calls/%%41", "/v1/calls/a%"}) {
    EXPECT_EQ(find(method::get, path), "404") << path;
  }
}

TEST_F(Routes, BoundTheDepth) {
  table_.get(
      "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/{last}",
      nothing);
  EXPECT_NE(find(method::get, segments(segments_max)), "404");
  EXPECT_EQ(parameter("last"), "s");
  EXPECT_EQ(find(method::get, segments(segments_max + 1)), "404");
  EXPECT_EQ(find(method::get, segments(100'000)), "404");
}

TEST_F(Routes, TakeARouteOnce) {
  EXPECT_DEBUG_DEATH(table_.get("/v1/calls", nothing), "there already");
  EXPECT_DEBUG_DEATH(table_.add(method::other, "/x", nothing), "other");
}

TEST_F(Routes, KeepWhatARouteAsks) {
  {
    std::string media_type = "application/";
    media_type += "x-of-a-temporary";
    table_.post("/kept", nothing, {.is_public = true, .media_type = media_type});
  }
  const routes::match match = table_.find(method::post, "/kept", decoded_, parameters_);
  ASSERT_NE(match.route, nullptr);
  EXPECT_TRUE(match.route->options.is_public);
  EXPECT_EQ(match.route->options.media_type, "application/x-of-a-temporary");
}

TEST_F(Routes, NameAParameterAsTheMatchedTemplateDoes) {
  table_.put("/v1/calls/{call}", nothing);
  EXPECT_EQ(find(method::put, "/v1/calls/7"), "/v1/calls/{call}");
  EXPECT_EQ(parameter("call"), "7");
  EXPECT_EQ(find(method::get, "/v1/calls/7"), "/v1/calls/{id}");
  EXPECT_EQ(parameter("id"), "7");
}

}  // namespace
}  // namespace parley::http
