// SPDX-License-Identifier: Apache-2.0
#include "errors/gen/reference.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace parley::errors::gen {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The code point that begins at text[at], which is well-formed UTF-8 of at most three bytes, and
// moves `at` behind it.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&] { return static_cast<unsigned char>(text[at++]); };
  const std::uint32_t first = byte();
  if (first < 0x80) return first;
  const std::size_t more = first < 0xE0 ? 1 : 2;
  std::uint32_t code_point = first & (more == 1 ? 0x1Fu : 0x0Fu);
  for (std::size_t i = 0; i < more && at < text.size(); ++i) {
    code_point = code_point << 6 | (byte() & 0x3Fu);
  }
  return code_point;
}

std::string quote(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string quoted = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t c = next_code_point(text, at);
    if (c < 0x20 || c > 0x7E) {
      quoted += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) quoted += digits[c >> shift & 0xF];
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += static_cast<char>(c);
    }
  }
  return quoted + '"';
}

std::string in_markdown(std::string_view text) {
  std::string escaped;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t c = next_code_point(text, at);
    if (c > 0x7E) {
      escaped += "&#" + std::to_string(c) + ';';
    } else {
      if (c == '|' || c == '<' || c == '*' || c == '_' || c == '`') escaped += '\\';
      escaped += static_cast<char>(c);
    }
  }
  return escaped;
}

std::string in_code(std::string_view text) { return '`' + std::string(text) + '`'; }

std::string or_null(std::string_view text) { return text.empty() ? "null" : quote(text); }

std::string status_or(const row& r, std::string_view none) {
  return r.http_status == 0 ? std::string(none) : std::to_string(r.http_status);
}

std::string_view json_of(retryable r) {
  switch (r) {
    case retryable::no: return "false";
    case retryable::yes: return "true";
    case retryable::unstated: return "null";
  }
  return "null";
}

std::string doc_url_of(const row& r) {
  const bool is_anchor = r.doc_anchor.starts_with('#');
  return std::string(is_anchor ? doc_base_url : "").append(r.doc_anchor);
}

std::string envelope_of(const row& r) {
  std::string json = R"({"error": {"code": )" + quote(r.name);
  if (r.category != category::none) json += ", \"category\": " + quote(to_string(r.category));
  json += ", \"message\": " + quote(r.message);
  if (r.tier == tier::call) json += ", \"doc_url\": " + quote(doc_url_of(r));  // G14
  return json + "}}";
}

// The contract's own words for a section: what it means, and what the caller can do (B1 to B6).
struct section_text {
  category bucket;
  std::string_view heading;
  std::string_view text;
};
constexpr std::array<section_text, 7> sections = {{
    {category::invalid_request, "Invalid request",
     "The request was malformed: fix it. The codes are the body of the response."},
    {category::compliance_blocked, "Compliance blocked",
     "Blocked by a calling rule: take the number from the list, or wait for the window. The codes "
     "are the body of the response."},
    {category::account_limit, "Account limit",
     "A limit of the account: upgrade, add payment, or retry later. The codes are the body of the "
     "response."},
    {category::unreachable, "Unreachable",
     "The call was placed and reached nobody. The codes are on the call resource and in the "
     "webhook "
     "`phone_call.ended`, never the body of a response."},
    {category::voicemail, "Voicemail",
     "The call reached an answering machine. The code is on the call resource and in the webhook "
     "`phone_call.ended`, never the body of a response."},
    {category::provider_error, "Provider error",
     "The infrastructure failed: retry, then ask for support. The codes are the body of the "
     "response."},
    {category::none, "HTTP and authentication errors",
     "About the request itself, on every endpoint, without a category. The contract does not state "
     "whether these may be retried; the hint is this library's."},
}};

}  // namespace

std::string meaning_of(const row& r) {
  std::string meaning(r.message);
  if (meaning.ends_with('.')) meaning.pop_back();
  replace_all(meaning, "'", "\xE2\x80\x99");
  if (r.code == code::validation_error) meaning += " (see fields)";
  return meaning;
}

std::string render_markdown(catalogue_view catalogue) {
  std::string page =
      "# Error codes\n\n"
      "<!-- Generated from the catalogue by lib/errors/gen/refresh.sh: do not edit. -->\n\n"
      "Every code of the built-in catalogue, by the section that `doc_url` leads to. What the "
      "columns mean\nis told in the [guide](../guide/errors.md); the same as data is in "
      "[errors.json](errors.json), and as\nan OpenAPI 3.1 fragment in "
      "[errors.openapi.json](errors.openapi.json).\n";
  for (const section_text& section : sections) {
    page += "\n## " + std::string(section.heading) + "\n\n";
    if (section.bucket != category::none) page += in_code(to_string(section.bucket)) + ": ";
    page += std::string(section.text) + "\n\n";
    page += "| code | HTTP | retryable | hint | meaning |\n|---|---|---|---|---|\n";
    for (const row& r : catalogue) {
      if (r.category != section.bucket) continue;
      page += "| " + in_code(r.name) + " | " + status_or(r, "-") + " | ";
      page += r.retryable == retryable::unstated ? "-" : to_string(r.retryable);
      page += " | " + in_code(to_string(r.hint)) + " | " + in_markdown(meaning_of(r)) + " |\n";
    }
  }
  return page;
}

std::string render_json(catalogue_view catalogue) {
  std::string list = "[";
  for (const row& r : catalogue) {
    list += list.size() > 1 ? ",\n  {" : "\n  {";
    list += "\"code\": " + quote(r.name);
    list += ", \"tier\": " + quote(to_string(r.tier));
    list += ", \"category\": " + or_null(to_string(r.category));
    list += ", \"http\": " + status_or(r, "null");
    list += ", \"retryable\": " + std::string(json_of(r.retryable));
    list += ", \"retry_hint\": " + quote(to_string(r.hint));
    list += ", \"delivery\": " + quote(to_string(r.delivery));
    list += ", \"doc_anchor\": " + quote(r.doc_anchor);
    list += ", \"meaning\": " + quote(meaning_of(r)) + "}";
  }
  return list + "\n]\n";
}

std::string render_openapi(catalogue_view catalogue) {
  std::string codes;
  std::map<std::uint16_t, std::vector<const row*>> by_status;
  for (const row& r : catalogue) {
    if (catalogue.find(r.code, tier::call) == &r) {
      codes += (codes.empty() ? "" : ", ") + quote(r.name);
    }
    if (r.http_status != 0) by_status[r.http_status].push_back(&r);
  }
  std::string categories;
  for (const section_text& section : sections) {
    if (section.bucket == category::none) continue;
    categories += (categories.empty() ? "" : ", ") + quote(to_string(section.bucket));
  }

  std::string document = R"({
  "openapi": "3.1.0",
  "info": {
    "title": "Errors",
    "version": "1",
    "description": "Generated from the catalogue by lib/errors/gen/refresh.sh: do not edit.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
  },
  "servers": [{"url": "https://api.revdesk.com/v1"}],
  "components": {
    "schemas": {
      "ErrorCode": {
        "type": "string",
        "description": "Machine-readable reason. Codes may be added: accept others than these.",
        "anyOf": [
          {"enum": [)" + codes +
                         R"(]},
          {"type": "string"}
        ]
      },
      "ErrorCategory": {
        "type": "string",
        "description": "Bucket to show to a person. Absent from errors of the HTTP tier.",
        "anyOf": [
          {"enum": [)" + categories +
                         R"(]},
          {"type": "string"}
        ]
      },
      "ErrorBody": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
          "code": {"$ref": "#/components/schemas/ErrorCode"},
          "category": {"$ref": "#/components/schemas/ErrorCategory"},
          "message": {"type": "string", "description": "For people; may change."},
          "doc_url": {"type": "string", "format": "uri"},
          "fields": {
            "type": "object",
            "description": "Name of a field of the request to what is wrong with it.",
            "minProperties": 1,
            "additionalProperties": {"type": "string"}
          }
        }
      },
      "ErrorEnvelope": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"$ref": "#/components/schemas/ErrorBody"}}
      }
    },
    "responses": {)";
  bool is_first_status = true;
  for (const auto& [status, rows] : by_status) {
    document += is_first_status ? "\n" : ",\n";
    is_first_status = false;
    document += "      \"Error" + std::to_string(status) + "\": {\n        \"description\": \"";
    std::string names;
    for (const row* r : rows) {
      const std::string name = in_code(r->name);
      if (names.find(name) != names.npos) continue;  // of both tiers
      names += (names.empty() ? "" : ", ") + name;
    }
    document += names + ".\",\n";
    document +=
        "        \"content\": {\n          \"application/json\": {\n"
        "            \"schema\": {\"$ref\": \"#/components/schemas/ErrorEnvelope\"},\n"
        "            \"examples\": {";
    bool is_first_row = true;
    for (const row* r : rows) {
      document += is_first_row ? "\n" : ",\n";
      is_first_row = false;
      // A code of both tiers has one status in both.
      const bool is_second = r->tier == tier::http && catalogue.find(r->code, tier::call) != r;
      document += "              " + quote(std::string(r->name) + (is_second ? "_http" : ""));
      document += ": {\n                \"summary\": " + quote(meaning_of(*r));
      document += ",\n                \"value\": " + envelope_of(*r) + "\n              }";
    }
    document += "\n            }\n          }\n        }\n      }";
  }
  return document + "\n    }\n  }\n}\n";
}

}  // namespace parley::errors::gen
