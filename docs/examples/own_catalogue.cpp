// SPDX-License-Identifier: Apache-2.0
//
// An API with codes of its own beside the built-in ones: a table that the compiler checks, and what
// a server and a client do with it.

#include <array>
#include <cstdio>
#include <string>
#include <system_error>

#include "parley/envelope/error.hpp"
#include "parley/errors/error_code.hpp"
#include "parley/errors/grpc.hpp"
#include "parley/errors/own_catalogue.hpp"

namespace envelope = parley::envelope;
namespace errors = parley::errors;

namespace {

// The numbers are forever: append.
enum class reason : std::uint16_t { scope_missing, demo_key };
constexpr errors::code scope_missing = errors::own_code(reason::scope_missing);
constexpr errors::code demo_key = errors::own_code(reason::demo_key);

constexpr std::array own_rows = {
    errors::http_row(scope_missing, 403, errors::retry_hint::never, "scope_missing",
                     "https://docs.example.com/authentication#scopes",
                     "The API key lacks a scope."),
    errors::call_row(demo_key, errors::category::account_limit, 402, errors::retryable::no,
                     errors::retry_hint::never, "demo_key",
                     "https://docs.example.com/authentication#demo-keys",
                     "A demo key cannot place calls."),
};
constexpr auto rows = errors::merge(errors::built_in_rows, own_rows);
constexpr errors::catalogue_view all = errors::catalogue<rows>();

// What std::error_code compares by its address: one object in the program.
const errors::code_category codes("my_api", all);

std::string text(std::string_view view) { return std::string(view); }

void explain(const std::string& body) {
  envelope::parse_options options;
  options.catalogue = all;
  const auto received = envelope::parse(body, options);
  if (!received) return;

  const errors::row& row = all.row_of(received->code());
  std::printf("%s: HTTP %d, retry %s, gRPC %s\n", text(received->code_name()).c_str(),
              row.http_status, text(to_string(row.hint)).c_str(),
              text(to_string(to_grpc_code(row))).c_str());
  if (errors::is_own(received->code())) {
    switch (static_cast<reason>(errors::own_number(received->code()))) {
      case reason::scope_missing: std::printf("  ask for a key with more scopes\n"); break;
      case reason::demo_key: std::printf("  ask for a key that is not a demo\n"); break;
    }
  }
  const std::error_code ec = codes.make(received->code());
  std::printf("  %s: %s%s\n", ec.category().name(), ec.message().c_str(),
              ec == errors::retry_hint::backoff ? " (to be sent again)" : "");
}

}  // namespace

int main() {
  const std::string refusal = to_json(envelope::error(all.row_of(demo_key)));
  std::printf("%s\n", refusal.c_str());
  explain(refusal);
  explain(R"({"error":{"code":"scope_missing","message":"The key lacks calls:write."}})");
  explain(R"({"error":{"code":"rate_limited","message":"Slow down."}})");
  std::printf("%zu rows\n", all.size());
}
