// SPDX-License-Identifier: Apache-2.0
#include "e164/gen/render.hpp"

#include <type_traits>

namespace parley::e164::gen {
namespace {

template <class Value>
std::string text_of(Value value) {
  std::string text = std::to_string(value);
  if constexpr (sizeof(Value) == 8) text += 'u';
  return text;
}

template <class Value>
void add_array(std::string& out, const std::string& declared, const std::vector<Value>& values) {
  constexpr std::size_t width = 100;
  out += "const " + declared + "[" + std::to_string(values.size()) + "] = {\n";
  std::string line;
  for (const Value value : values) {
    const std::string text = text_of(value) + ",";
    if (line.size() + text.size() > width) {
      out += line + '\n';
      line.clear();
    }
    line += text;
  }
  out += line + "\n};\n";
}

}  // namespace

std::string render(const plan& from, const compiled& made) {
  std::string out =
      "// SPDX-License-Identifier: Apache-2.0\n"
      "//\n"
      "// Generated from lib/e164/gen/plan.txt by e164_tables; do not edit.\n"
      "// Metadata: libphonenumber " +
      from.version +
      ", from the npm packages\n"
      "// " +
      from.plans + " (numbering plans) and " + from.short_numbers +
      " (short numbers).\n"
      "// Copyright The Libphonenumber Authors, licensed under Apache-2.0; see NOTICE.\n"
      "// clang-format off\n"
      "#include \"e164/shipped_tables.hpp\"\n"
      "\n"
      "namespace parley::e164::detail {\n"
      "\n"
      "const std::string_view shipped_version = \"" +
      made.version + "\";\n";
  const std::string regions = std::to_string(made.regions.size());
  out += "const char shipped_regions[" + regions + "][region_bytes] = {\n";
  std::string line;
  for (const std::string& name : made.regions) {
    line += "\"" + name + "\",";
    if (line.size() > 92) {
      out += line + '\n';
      line.clear();
    }
  }
  out += line + "\n};\n";
  add_array(out, "std::int16_t shipped_root", made.root);
  add_array(out, "std::uint64_t shipped_leaves", made.leaves);
  add_array(out, "std::uint16_t shipped_blocked", made.blocked);
  add_array(out, "std::uint64_t shipped_codes", made.codes);
  out += "\n}  // namespace parley::e164::detail\n";
  return out;
}

}  // namespace parley::e164::gen
