// SPDX-License-Identifier: Apache-2.0
//
// What holds of every answer about a text, whatever its bytes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "e164/reference.hpp"
#include "parley/e164/number.hpp"
#include "parley/e164/policy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace e164 = parley::e164;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_valid(const e164::number& number, const e164::classification& found) {
  require(number.details() == found);
  require(found.calling_code() != 0 && e164::is_calling_code(found.calling_code()));
  require(found.type() != e164::number_type::none && to_string(found.type()) != "unknown");
  require(found.region().size() == 2 || found.region() == "001");
  const auto again = e164::parse(number.text());
  require(again && *again == number && again->details() == found);
  require(e164::dialable.check(number) != e164::verdict::not_valid);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A block of its own and of exactly this size: AddressSanitizer sees a read past either end.
  const std::unique_ptr<char[]> exact(new char[size]);
  std::copy_n(data, size, exact.get());
  const std::string_view text(exact.get(), size);

  const e164::classification found = e164::classify(text);
  e164::classification alone;
  e164::classify({&text, 1}, {&alone, 1});
  require(alone == found);
  require(found.offset() <= size && to_string(found.status()) != "unknown");

  const e164::syntax checked = e164::check_by_the_book(text);
  require(found.offset() == checked.offset);
  require(checked ? found.status() > e164::status::too_long || found
                  : found.status() == checked.status);
  require(e164::is_calling_code(found.calling_code()) == (found.calling_code() != 0));

  const auto parsed = e164::parse(text);
  require(parsed.has_value() == static_cast<bool>(found));
  require((e164::policy().check(found) == e164::verdict::allowed) == parsed.has_value());
  require((e164::policy::only({}).check(found) == e164::verdict::not_valid) != parsed.has_value());
  const auto shorter = e164::without_trunk_zero(text);
  if (parsed) {
    require(parsed->text() == text && parsed->digit_count() == size - 1 && !shorter);
    check_valid(*parsed, found);
  } else {
    require(parsed.error() == found && found.type() == e164::number_type::none);
    require(found.region().empty());
  }
  if (shorter) {
    require(text == '+' + std::to_string(shorter->calling_code()) + '0' +
                        std::string(shorter->national_number()));
    check_valid(*shorter, e164::classify(shorter->text()));
  }
  return 0;
}
