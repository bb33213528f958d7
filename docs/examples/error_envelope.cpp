// SPDX-License-Identifier: Apache-2.0
//
// The error envelope on both sides of the wire: a server refuses a request, a client reads answers.

#include <cstdio>
#include <string>

#include "parley/envelope/error.hpp"

namespace envelope = parley::envelope;
namespace errors = parley::errors;

namespace {

// What a server answers to a call resource whose caller_id it cannot read.
envelope::error refuse_caller_id() {
  return envelope::error(errors::code::validation_error)
      .with_message("caller_id must be E.164 format")
      .with_field("caller_id", "Expected +<country><number>");
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

  explain(envelope::read_response(refusal.http_status(), body));
  explain(
      envelope::read_response(502, to_json(envelope::error(errors::code::agent_dispatch_failed))));
  explain(envelope::read_response(
      403, R"({"error":{"code":"scope_missing","message":"The key lacks calls:write."}})"));
  explain(envelope::read_response(504, "<html><h1>504 Gateway Time-out</h1></html>"));
}
