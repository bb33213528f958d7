// SPDX-License-Identifier: Apache-2.0
//
// Any texts give an envelope that reads back as those texts with the ill-formed bytes replaced,
// whatever the size of the buffer.
//
// The input: two bytes that choose a row of the catalogue (or none) and a size of the buffer, then
// texts, each behind a byte that tells its length.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "envelope/reference.hpp"
#include "parley/envelope/error.hpp"

namespace {

namespace envelope = parley::envelope;

class input {
 public:
  explicit input(std::string_view bytes) : left_(bytes) {}

  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return value;
  }
  std::string_view text() {
    const std::size_t size = byte();
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(taken.size());
    return taken;
  }
  bool empty() const { return left_.empty(); }

 private:
  std::string_view left_;
};

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input from({reinterpret_cast<const char*>(data), size});
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
  const std::size_t room = json.size() * room_choice / 255;
  const std::unique_ptr<char[]> exact(new char[room]);
  require(envelope::write_json(e, std::span(exact.get(), room)) == json.size());
  require(room < json.size() || std::string_view(exact.get(), room) == json);

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
  return 0;
}
