// SPDX-License-Identifier: Apache-2.0
//
// For operators: makes a cursor, or says what is in one and why it is refused. It prints no secret.
//
//   (umask 077 && echo "1 active $(openssl rand -base64 32)" > keys)
//   list="--key-file keys --scope route=/v1/calls --scope tenant=t-1"
//   text=$(example_cursor_tool issue $list --key timestamp:1767225600000000 --id i64:7)
//   example_cursor_tool verify "$text" $list --schema timestamp,i64

#include <array>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "parley/cursor/codec.hpp"
#include "parley/cursor/key_ring.hpp"
#include "parley/cursor/position.hpp"

namespace cursor = parley::cursor;

namespace {

constexpr const char* usage =
    "usage: example_cursor_tool issue [options] --key VALUE --id VALUE [--direction DIRECTION]\n"
    "       example_cursor_tool verify CURSOR [options] --schema KEY,ID\n"
    "options:\n"
    "  --key-file FILE     lines of <id> <active|verify_only|retired> <secret in base64>\n"
    "  --scope NAME=VALUE  repeated; route and tenant are the list's, others are filters\n"
    "  --order ORDER       asc or desc, the default\n"
    "  --now SECONDS       since 1970; default: the system's time\n"
    "DIRECTION: backward or forward, the default\n"
    "VALUE: timestamp:MICROSECONDS, i64:N, u64:N, uuid:UUID, text:TEXT; a key may be null\n"
    "KEY, ID: timestamp, i64, u64, uuid, text; a key may be null, or one of them with a ?\n"
    "The exit status is 1 where the cursor is refused, 2 where the tool cannot be used so.\n";

// What is wrong with the arguments; main() adds the usage.
struct misuse {
  std::string what;
};

enum class verb : std::uint8_t { issue = 1, verify };

using id_value =
    std::variant<std::int64_t, std::uint64_t, cursor::timestamp_us, cursor::uuid, cursor::key_text>;
using key_value = std::variant<cursor::null, std::int64_t, std::uint64_t, cursor::timestamp_us,
                               cursor::uuid, cursor::key_text>;

struct arguments {
  verb command = verb::issue;
  std::string_view text;  // to verify
  std::string key_file;
  std::string_view schema;
  std::optional<std::string_view> key, id;
  std::string_view route, tenant;
  std::vector<cursor::filter> filters;
  cursor::order order = cursor::order::descending;
  cursor::direction direction = cursor::direction::forward;
  cursor::seconds_time now;
};

template <std::integral Number>
std::optional<Number> parse_number(std::string_view text) {
  Number made = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), made);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return made;
}

// The two halves of `text` at the first `mark`; without one the second is none.
std::pair<std::string_view, std::optional<std::string_view>> split(std::string_view text,
                                                                   char mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return {text, std::nullopt};
  return {text.substr(0, at), text.substr(at + 1)};
}

// The types on the wire: their names, and their values as text.

template <class T>
constexpr std::string_view name_of() {
  if constexpr (std::is_same_v<T, std::int64_t>) return "i64";
  if constexpr (std::is_same_v<T, std::uint64_t>) return "u64";
  if constexpr (std::is_same_v<T, cursor::timestamp_us>) return "timestamp";
  if constexpr (std::is_same_v<T, cursor::uuid>) return "uuid";
  if constexpr (std::is_same_v<T, cursor::key_text>) return "text";
  if constexpr (std::is_same_v<T, cursor::null>) return "null";
}

template <class T>
std::optional<T> parse_as(std::string_view text) {
  if constexpr (std::integral<T>) {
    return parse_number<T>(text);
  } else if constexpr (std::is_same_v<T, cursor::timestamp_us>) {
    const auto count = parse_number<std::int64_t>(text);
    if (!count) return std::nullopt;
    return cursor::timestamp_us(std::chrono::microseconds(*count));
  } else if constexpr (std::is_same_v<T, cursor::uuid>) {
    return cursor::parse_uuid(text);
  } else {
    return cursor::key_text::from(text);
  }
}

template <class T>
std::string to_line(const T& value) {
  if constexpr (std::is_same_v<T, cursor::null>) {
    return "null";
  } else {
    std::string made(name_of<T>());
    made += ':';
    if constexpr (std::integral<T>) {
      made += std::to_string(value);
    } else if constexpr (std::is_same_v<T, cursor::timestamp_us>) {
      made += std::to_string(value.time_since_epoch().count());
    } else if constexpr (std::is_same_v<T, cursor::uuid>) {
      const auto text = to_text(value);
      made.append(text.data(), text.size());
    } else {
      // A terminal obeys some bytes, and a line ends at one.
      for (const char c : value.view()) {
        if (c >= ' ' && c <= '~' && c != '\\') {
          made += c;
        } else {
          const auto byte = static_cast<unsigned char>(c);
          made += "\\x";
          made += "0123456789abcdef"[byte >> 4];
          made += "0123456789abcdef"[byte & 15];
        }
      }
    }
    return made;
  }
}

template <class T>
std::string to_line(const std::optional<T>& value) {
  return value ? to_line(*value) : "null";
}

id_value parse_value(std::string_view text) {
  const auto halves = split(text, ':');
  std::optional<id_value> made;
  const auto try_type = [&]<class T>(std::type_identity<T>) {
    if (halves.first != name_of<T>() || !halves.second) return;
    if (auto value = parse_as<T>(*halves.second)) made = *std::move(value);
  };
  try_type(std::type_identity<std::int64_t>());
  try_type(std::type_identity<std::uint64_t>());
  try_type(std::type_identity<cursor::timestamp_us>());
  try_type(std::type_identity<cursor::uuid>());
  try_type(std::type_identity<cursor::key_text>());
  if (!made) throw misuse{"--key and --id: a value cannot be read"};
  return *made;
}

key_value parse_key(std::string_view text) {
  if (text == "null") return cursor::null();
  return std::visit([](const auto& value) { return key_value(value); }, parse_value(text));
}

cursor::scope scope_of(const arguments& given) {
  return cursor::scope_of({given.route, given.tenant}, given.filters);
}

int issue(const arguments& given, const cursor::key_set& keys) {
  const key_value key = parse_key(*given.key);
  const id_value id = parse_value(*given.id);
  const cursor::cursor_text made = std::visit(
      [&]<class Key, class Id>(const Key& at_key, const Id& at_id) {
        return cursor::codec<Key, Id>::issue(
            keys, scope_of(given), {at_key, at_id, given.order, given.direction}, given.now);
      },
      key, id);
  std::printf("%.*s\n", static_cast<int>(made.size()), made.view().data());
  return 0;
}

template <class Key, class Id>
int verify_as(const arguments& given, const cursor::key_set& keys) {
  const auto at =
      cursor::codec<Key, Id>::verify(keys, scope_of(given), given.text, given.now, given.order);
  if (!at) {
    std::fprintf(stderr, "%s\n", std::string(to_string(at.error())).c_str());
    return 1;
  }
  std::printf("order %s\ndirection %s\nkey %s\nid %s\n",
              at->order == cursor::order::ascending ? "asc" : "desc",
              at->direction == cursor::direction::backward ? "backward" : "forward",
              to_line(at->key).c_str(), to_line(at->id).c_str());
  return 0;
}

// Calls `with` with the std::type_identity of the type of this name; false: there is none.
template <class With>
bool with_type(std::string_view name, const With& with) {
  const auto try_types = [&]<class... Types>(std::type_identity<Types>... each) {
    return ((name == name_of<Types>() && (with(each), true)) || ...);
  };
  return try_types(std::type_identity<std::int64_t>(), std::type_identity<std::uint64_t>(),
                   std::type_identity<cursor::timestamp_us>(), std::type_identity<cursor::uuid>(),
                   std::type_identity<cursor::key_text>());
}

int verify(const arguments& given, const cursor::key_set& keys) {
  const auto halves = split(given.schema, ',');
  std::string_view key = halves.first;
  const std::string_view id = halves.second.value_or("");
  const bool is_nullable = key.ends_with('?');
  if (is_nullable) key.remove_suffix(1);
  int status = 0;
  const auto verify_with = [&]<class Key>(std::type_identity<Key>) {
    return with_type(
        id, [&]<class Id>(std::type_identity<Id>) { status = verify_as<Key, Id>(given, keys); });
  };
  bool is_known = false;
  if (halves.first == "null") {
    is_known = verify_with(std::type_identity<cursor::null>());
  } else {
    with_type(key, [&]<class Key>(std::type_identity<Key> of) {
      is_known =
          is_nullable ? verify_with(std::type_identity<std::optional<Key>>()) : verify_with(of);
    });
  }
  if (!is_known) throw misuse{"--schema: not the types of a key and an id"};
  return status;
}

void read_scope(arguments& into, std::string_view text, bool& has_route, bool& has_tenant) {
  const auto [name, value] = split(text, '=');
  if (name.empty() || !value) throw misuse{"--scope: not a name and a value"};
  if (name == "route" && !std::exchange(has_route, true)) {
    into.route = *value;
  } else if (name == "tenant" && !std::exchange(has_tenant, true)) {
    into.tenant = *value;
  } else if (name == "route" || name == "tenant") {
    throw misuse{"--scope: the route or the tenant is given twice"};
  } else {
    into.filters.push_back({name, *value});
  }
}

template <class T>
T choose(std::string_view option, std::string_view text, std::string_view first, T if_first,
         std::string_view second, T if_second) {
  if (text == first) return if_first;
  if (text == second) return if_second;
  throw misuse{std::string(option) + ": neither " + std::string(first) + " nor " +
               std::string(second)};
}

arguments read_arguments(const std::vector<std::string_view>& words) {
  arguments made;
  if (words.empty()) throw misuse{"no command"};
  made.command = choose("command", words.front(), "issue", verb::issue, "verify", verb::verify);
  const bool is_issue = made.command == verb::issue;
  made.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  bool has_text = false;
  bool has_route = false;
  bool has_tenant = false;
  std::vector<std::string_view> seen;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string_view option = words[i];
    if (!option.starts_with("--")) {
      if (is_issue || std::exchange(has_text, true)) throw misuse{"an argument too many"};
      made.text = option;
      continue;
    }
    if (++i == words.size()) throw misuse{std::string(option) + ": there is nothing behind it"};
    const std::string_view value = words[i];
    if (option == "--scope") {
      read_scope(made, value, has_route, has_tenant);
      continue;
    }
    for (const std::string_view before : seen) {
      if (before == option) throw misuse{std::string(option) + " is given twice"};
    }
    seen.push_back(option);
    if (option == "--key-file") {
      made.key_file = value;
    } else if (option == "--order") {
      made.order =
          choose(option, value, "asc", cursor::order::ascending, "desc", cursor::order::descending);
    } else if (option == "--now") {
      // What a cursor can hold.
      const auto seconds = parse_number<std::uint32_t>(value);
      if (!seconds) throw misuse{"--now: not seconds since 1970, up to 2106"};
      made.now = cursor::seconds_time(std::chrono::seconds(*seconds));
    } else if (is_issue && option == "--direction") {
      made.direction = choose(option, value, "forward", cursor::direction::forward, "backward",
                              cursor::direction::backward);
    } else if (is_issue && option == "--key") {
      made.key = value;
    } else if (is_issue && option == "--id") {
      made.id = value;
    } else if (!is_issue && option == "--schema") {
      made.schema = value;
    } else {
      throw misuse{std::string(option) + ": no option of this command"};
    }
  }
  if (made.key_file.empty()) throw misuse{"--key-file is missing"};
  if (is_issue && (!made.key || !made.id)) throw misuse{"--key or --id is missing"};
  if (!is_issue && (!has_text || made.schema.empty())) {
    throw misuse{"the cursor or --schema is missing"};
  }
  return made;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const arguments given = read_arguments({argv + 1, argv + argc});
    const auto keys = cursor::read_key_file(given.key_file);
    if (!keys) {
      std::fprintf(stderr, "%s\n", keys.error().c_str());
      return 2;
    }
    return given.command == verb::issue ? issue(given, *keys) : verify(given, *keys);
  } catch (const misuse& wrong) {
    std::fprintf(stderr, "%s\n%s", wrong.what.c_str(), usage);
    return 2;
  }
}
