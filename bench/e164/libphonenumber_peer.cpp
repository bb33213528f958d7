// SPDX-License-Identifier: Apache-2.0
#include "e164/libphonenumber_peer.hpp"

#include <benchmark/benchmark.h>
#include <phonenumbers/phonenumberutil.h>

namespace phone = i18n::phonenumbers;

int parley::bench::ask_libphonenumber(const std::string& text) {
  static const std::string no_region = "ZZ";
  const phone::PhoneNumberUtil& util = *phone::PhoneNumberUtil::GetInstance();
  phone::PhoneNumber number;
  if (util.Parse(text, no_region, &number) != phone::PhoneNumberUtil::NO_PARSING_ERROR) return -1;
  if (!util.IsValidNumber(number)) return -1;
  std::string region;
  util.GetRegionCodeForNumber(number, &region);
  benchmark::DoNotOptimize(region.data());
  return util.GetNumberType(number);
}
