// SPDX-License-Identifier: Apache-2.0
//
// Any texts give an envelope, and problem details, that read back as those texts with the
// ill-formed bytes replaced, whatever the size of the buffer.
//
// The input: two bytes that choose a row of the catalogue (or none) and a size of the buffer, then
// texts, each behind a byte that tells its length.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "envelope/fuzz/input.hpp"
#include "envelope/fuzz/require.hpp"
#include "envelope/json_grammar.hpp"
#include "envelope/reference.hpp"
#include "parley/envelope/error.hpp"
#include "parley/envelope/problem.hpp"

namespace {

namespace envelope = parley::envelope;

// `write` fills a span and gives the length that is needed; `json` is what it has to say.
template <class Write>
void require_in_any_room(const std::string& json, std::uint8_t room_choice, const Write& write) {
  require(envelope::judge(json) == envelope::verdict::json);
  const std::size_t room = json.size() * room_choice / 255;
  const std::unique_ptr<char[]> exact(new char[room]);
  require(write(std::span(exact.get(), room)) == json.size());
  require(room < json.size() || std::string_view(exact.get(), room) == json);
}

// What `e` says with the ill-formed bytes replaced. Names of fields may be alike only then.
envelope::error as_read(const envelope::error& e) {
  const std::string code = envelope::repaired(e.code_name());
  const std::string category = envelope::repaired(e.category_name());
  const std::string message = envelope::repaired(e.message());
  const std::string doc_url = envelope::repaired(e.doc_url());
  envelope::error made = envelope::to_error({code, category, message, doc_url, {}});
  for (const envelope::field& each : e.fields()) {
    made.with_field(envelope::repaired(each.name), envelope::repaired(each.explanation));
  }
  if (e.http_status() != 0) made.with_http_status(e.http_status());
  return made;
}

void require_problem(const envelope::error& e, const envelope::problem_options& options,
                     std::uint8_t room_choice) {
  const std::string json = to_problem(e, options);
  require_in_any_room(json, room_choice,
                      [&](std::span<char> out) { return write_problem(e, out, options); });
  const auto read = envelope::parse_problem(
      json, options, {.body_bytes_max = json.size(), .fields_max = e.fields().size()});
  require(read && *read == as_read(e));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  envelope::input from(data, size);
  const std::uint8_t choice = from.byte();
  const std::uint8_t room_choice = from.byte();

  // With a row of the catalogue one bit a member tells whether it stays as it is.
  envelope::error_view e;
  const auto rows = parley::errors::catalogue();
  if (choice < rows.size()) e = envelope::view_of(rows[choice]);
  const std::uint8_t keep = choice < rows.size() ? from.byte() : 0;
  if ((keep & 1) == 0) e.code = from.text();
  if ((keep & 2) == 0) e.category = from.text();
  if ((keep & 4) == 0) e.message = from.text();
  if ((keep & 8) == 0) e.doc_url = from.text();
  std::vector<envelope::field_view> fields;
  while (!from.empty()) {
    const std::string_view name = from.text();
    fields.push_back({name, from.text()});
  }
  e.fields = fields;

  const std::string json = envelope::to_json(e);
  require_in_any_room(json, room_choice, [&](std::span<char> out) { return write_json(e, out); });

  const auto read =
      envelope::parse(json, {.body_bytes_max = json.size(), .fields_max = fields.size()});
  require(read.has_value());
  require(read->code_name() == envelope::repaired(e.code));
  require(read->category_name() == envelope::repaired(e.category));
  require(read->message() == envelope::repaired(e.message));
  require(read->doc_url() == envelope::repaired(e.doc_url));

  std::vector<envelope::field> expected;
  for (const envelope::field_view& each : fields) {
    const std::string name = envelope::repaired(each.name);
    const auto found = std::ranges::find(expected, name, &envelope::field::name);
    if (found == expected.end()) {
      expected.push_back({name, envelope::repaired(each.explanation)});
    } else {
      found->explanation = envelope::repaired(each.explanation);
    }
  }
  require(read->fields() == expected);

  envelope::error made = envelope::to_error(e);
  if (room_choice >= 100) made.with_http_status(room_choice);
  require_problem(made, {}, room_choice);
  require_problem(made, {.type_base = "https://a.example/", .instance = e.message}, room_choice);
  return 0;
}
