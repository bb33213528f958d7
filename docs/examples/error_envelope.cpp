// SPDX-License-Identifier: Apache-2.0
//
// The error envelope on both sides of the wire: a server refuses a request, a client reads answers.
// A client that asks for problem details (RFC 9457) gets these instead.

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "parley/envelope/error.hpp"
#include "parley/envelope/problem.hpp"

namespace envelope = parley::envelope;
namespace errors = parley::errors;

namespace {

// What a server answers to a call resource whose caller_id it cannot read.
envelope::error refuse_caller_id() {
  return envelope::error(errors::code::validation_error)
      .with_message("caller_id must be E.164 format")
      .with_field("caller_id", "Expected +<country><number>");
}

// Takes the text up to `separator` off the front, in lower case and without the blanks around it.
std::string take_item(std::string_view& list, char separator) {
  std::string item(list.substr(0, list.find(separator)));
  list.remove_prefix(item.size() < list.size() ? item.size() + 1 : list.size());
  item.erase(0, item.find_first_not_of(" \t"));
  item.erase(item.find_last_not_of(" \t") + 1);
  for (char& c : item) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return item;
}

// Whether the Accept field names problem details, and not with the weight of 0 (RFC 9110, 12.5.1).
// To a client that takes anything the envelope is sent.
bool wants_problem(std::string_view accept) {
  while (!accept.empty()) {
    const std::string range = take_item(accept, ',');
    std::string_view left = range;
    if (take_item(left, ';') != envelope::problem_media_type) continue;
    bool is_refused = false;
    while (!left.empty()) {
      const std::string parameter = take_item(left, ';');
      if (!parameter.starts_with("q=")) continue;
      is_refused = parameter.find_first_not_of("0.", 2) == parameter.npos;
    }
    return !is_refused;
  }
  return false;
}

constexpr envelope::problem_options own_types{.type_base = "https://api.example/problems/"};

struct response {
  std::uint16_t status = 0;
  std::string_view content_type;
  std::string body;
};

response answer(const envelope::error& refusal, std::string_view accept) {
  if (wants_problem(accept)) {
    return {refusal.http_status(), envelope::problem_media_type, to_problem(refusal, own_types)};
  }
  return {refusal.http_status(), "application/json", to_json(refusal)};
}

// What a client does with any answer that is not a success.
void explain(const envelope::response_error& answer) {
  if (!answer.envelope) {
    const std::string_view why = to_string(answer.envelope.error().reason);
    std::printf("%d without an envelope (%.*s)\n", answer.http_status, static_cast<int>(why.size()),
                why.data());
    return;
  }
  const std::string name(answer.envelope->code_name());
  const std::string message(answer.envelope->message());
  std::printf("%d %s: %s\n", answer.http_status, name.c_str(), message.c_str());
  if (answer.code() != errors::code::unknown) {
    const std::string hint(to_string(errors::row_of(answer.code()).hint));
    std::printf("  retry: %s\n", hint.c_str());
  }
  for (const envelope::field& each : answer.envelope->fields()) {
    std::printf("  %s: %s\n", each.name.c_str(), each.explanation.c_str());
  }
}

}  // namespace

int main() {
  const envelope::error refusal = refuse_caller_id();
  const std::string body = to_json(refusal);
  std::printf("%s\n", body.c_str());

  for (const char* accept : {"*/*", "application/json, application/problem+json;q=0",
                             "Application/Problem+JSON; q=0.9, */*; q=0.1"}) {
    const response sent = answer(refusal, accept);
    const std::string content_type(sent.content_type);
    std::printf("Accept: %s\n  %s: %zu bytes\n", accept, content_type.c_str(), sent.body.size());
  }
  const response problem = answer(refusal, envelope::problem_media_type);
  std::printf("%s\n", problem.body.c_str());
  const auto received = envelope::parse_problem(problem.body, own_types);
  std::printf("says the same: %s\n\n", received && to_json(*received) == body ? "yes" : "no");

  explain(envelope::read_response(refusal.http_status(), body));
  explain(
      envelope::read_response(502, to_json(envelope::error(errors::code::agent_dispatch_failed))));
  explain(envelope::read_response(
      403, R"({"error":{"code":"scope_missing","message":"The key lacks calls:write."}})"));
  explain(envelope::read_response(504, "<html><h1>504 Gateway Time-out</h1></html>"));
}
