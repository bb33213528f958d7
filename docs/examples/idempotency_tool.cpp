// SPDX-License-Identifier: Apache-2.0
//
// For operators: what the store knows of an Idempotency-Key, what is running, and the release of an
// attempt that will not come back. No key, scope or password goes by the arguments, which others on
// the machine can read.
//
//   store="--store redis://127.0.0.1:6379"
//   example_idempotency_tool running $store
//   printf '%s\n' "$key" "$scope" |
//     example_idempotency_tool show $store --key-file - --digest-key-file digest-key
//   example_idempotency_tool release $store --digest 7f0c...

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/idempotency/key.hpp"
#include "parley/idempotency_redis/inspect.hpp"

namespace idempotency = parley::idempotency;
namespace redis = parley::idempotency_redis;

namespace {

constexpr const char* usage =
    "usage: example_idempotency_tool show [options] KEY [--body]\n"
    "       example_idempotency_tool running [options] [--limit N]\n"
    "       example_idempotency_tool release [options] KEY [--even-if-running]\n"
    "options:\n"
    "  --store URL             redis://HOST:PORT/DATABASE, rediss:// for TLS, or unix:///SOCKET\n"
    "  --prefix TEXT           before every name of a record (parley:)\n"
    "  --user NAME             with a password\n"
    "  --password-file FILE    its first line; FILE is for nobody but its owner (chmod 600)\n"
    "  --tls-authorities FILE  PEM; default: those of the system\n"
    "KEY, either of:\n"
    "  --key-file FILE         line 1: the Idempotency-Key; from line 2 on: the parts of its "
    "scope,\n"
    "                          1 to 4, a line each (with parley::http: what authentication gave).\n"
    "                          -: standard input\n"
    "  --digest-key-file FILE  and with it: all of FILE is the service's digest key; chmod 600\n"
    "  --digest HEX            the name of the record, as `running` prints it\n"
    "show prints the record, and with --body its response. running lists the running and the "
    "marked\n"
    "records, at most 1000 or --limit of them. release says that certainly nothing happened, so "
    "that\n"
    "the key may run again. It releases what it has just read and nothing newer, nothing that is\n"
    "completed, and nothing whose lease holds unless told --even-if-running: an attempt that is\n"
    "alive would run beside the next.\n"
    "exit status:\n"
    "  0  done\n"
    "  1  there is no record, or it is not released\n"
    "  2  the tool cannot be used so\n"
    "  3  the store gave no answer, or refused\n"
    "  4  what stands there is no record of this version\n";

constexpr std::size_t file_bytes_max = 65'536;
constexpr std::size_t scope_parts_max = 4;

// What is wrong with the arguments; main() adds the usage.
struct misuse {
  std::string what;
};
// What is wrong with what they name.
struct unusable {
  std::string what;
};

enum class verb : std::uint8_t { show = 1, running, release };

struct arguments {
  verb command = verb::show;
  redis::redis_store_options store;
  std::string password_file, key_file, digest_key_file;
  std::optional<idempotency::digest> key;
  std::size_t limit = 1'000;
  bool with_body = false;
  bool even_if_running = false;
};

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

idempotency::digest parse_digest(std::string_view text) {
  idempotency::digest made;
  if (text.size() != 2 * made.bytes.size()) throw misuse{"--digest: not 32 hexadecimal digits"};
  for (std::size_t i = 0; i < made.bytes.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) throw misuse{"--digest: not 32 hexadecimal digits"};
    made.bytes[i] = static_cast<std::byte>(high * 16 + low);
  }
  return made;
}

std::string to_hex(std::span<const std::byte> bytes) {
  std::string made;
  for (const std::byte b : bytes) {
    made += "0123456789abcdef"[std::to_integer<unsigned>(b) >> 4];
    made += "0123456789abcdef"[std::to_integer<unsigned>(b) & 15];
  }
  return made;
}

// A terminal obeys some bytes, and a line ends at one.
std::string shown(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      made += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    made += "\\x";
    made += "0123456789abcdef"[byte >> 4];
    made += "0123456789abcdef"[byte & 15];
  }
  return made;
}

std::string shown(std::chrono::milliseconds time) {
  const auto ms = time.count();
  std::array<char, 48> text;
  if (ms < 60'000) {
    std::snprintf(text.data(), text.size(), "%d.%03d s", static_cast<int>(ms / 1'000),
                  static_cast<int>(ms % 1'000));
  } else if (ms < 3'600'000) {
    std::snprintf(text.data(), text.size(), "%d min %d s", static_cast<int>(ms / 60'000),
                  static_cast<int>(ms / 1'000 % 60));
  } else {
    std::snprintf(text.data(), text.size(), "%d h %d min", static_cast<int>(ms / 3'600'000),
                  static_cast<int>(ms / 60'000 % 60));
  }
  return text.data();
}

const char* name_of(idempotency::record_state state) {
  switch (state) {
    case idempotency::record_state::running: return "running";
    case idempotency::record_state::marked: return "marked";
    case idempotency::record_state::completed: return "completed";
    case idempotency::record_state::released: return "released";
  }
  return "unknown";
}

bool has_lease(const redis::record_info& info) {
  return info.state == idempotency::record_state::running ||
         info.state == idempotency::record_state::marked;
}

std::string read_all(std::istream& from, const std::string& name) {
  std::string made(file_bytes_max + 1, '\0');
  from.read(made.data(), static_cast<std::streamsize>(made.size()));
  if (from.bad() || (from.fail() && !from.eof())) throw unusable{name + ": cannot be read"};
  made.resize(static_cast<std::size_t>(from.gcount()));
  if (made.size() > file_bytes_max) throw unusable{name + ": above 64 KiB"};
  return made;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw unusable{path + ": cannot be opened"};
  return read_all(file, path);
}

std::string read_secret(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
  if (!error && (status.permissions() & others) != std::filesystem::perms::none) {
    throw unusable{path + ": others than its owner may use it: chmod 600"};
  }
  return read_file(path);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> made;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    made.emplace_back(line);
  }
  return made;
}

idempotency::digest digest_of(const arguments& given) {
  if (given.key) return *given.key;
  const std::string secret = read_secret(given.digest_key_file);
  const auto digests = idempotency::digester::from_key(std::as_bytes(std::span(secret)));
  if (!digests) throw unusable{given.digest_key_file + ": a digest key has at least 32 bytes"};

  const bool is_stdin = given.key_file == "-";
  const std::string name = is_stdin ? "standard input" : given.key_file;
  const auto lines = lines_of(is_stdin ? read_all(std::cin, name) : read_file(name));
  if (lines.size() < 2 || lines.size() > 1 + scope_parts_max) {
    throw unusable{name + ": not a line with the key and 1 to 4 with the parts of its scope"};
  }
  if (std::ranges::any_of(lines, &std::string::empty)) throw unusable{name + ": an empty line"};
  // As a request brings it: one in quotes is the same key.
  const std::string_view header = lines.front();
  const auto key = idempotency::parse_key({&header, 1});
  if (!key) throw unusable{name + ": line 1: " + std::string(to_string(key.error()))};
  const auto& s = lines;
  const idempotency::digest scope = lines.size() == 2   ? digests->scope({s[1]})
                                    : lines.size() == 3 ? digests->scope({s[1], s[2]})
                                    : lines.size() == 4 ? digests->scope({s[1], s[2], s[3]})
                                                        : digests->scope({s[1], s[2], s[3], s[4]});
  return digests->key(scope, **key);
}

int tell(const redis::inspect_failure& failure) {
  std::fprintf(stderr, "%s\n", shown(failure.what).c_str());
  return failure.why == redis::inspect_errc::corrupt_record ? 4 : 3;
}

int tell_none() {
  std::fputs("there is no record\n", stderr);
  return 1;
}

void print(const redis::record_info& info) {
  const std::string lease = !has_lease(info)              ? "-"
                            : info.lease_left.count() > 0 ? shown(info.lease_left)
                                                          : "over";
  std::printf(
      "digest %s\nstate %s\nage %s\ntime_left %s\nlease_left %s\nfence %llu\nrequest_id %s\n"
      "note %s\nowner %s\nresponse_bytes %zu\n",
      to_hex(info.key.bytes).c_str(), name_of(info.state), shown(info.age).c_str(),
      shown(info.time_left).c_str(), lease.c_str(), static_cast<unsigned long long>(info.fence),
      info.operation_id.empty() ? "-" : shown(info.operation_id).c_str(),
      info.note.empty() ? "-" : shown(info.note).c_str(), to_hex(info.owner.bytes).c_str(),
      info.response_bytes);
}

int show(redis::inspector& records, const arguments& given) {
  const auto found = records.find(digest_of(given), given.with_body);
  if (!found) return tell(found.error());
  if (!*found) return tell_none();
  const redis::record_info& info = **found;
  print(info);
  if (given.with_body && info.response) {
    const auto bytes = info.response.bytes();
    std::printf("response %s\n",
                shown({reinterpret_cast<const char*>(bytes.data()), bytes.size()}).c_str());
  }
  return 0;
}

int list_running(redis::inspector& records, const arguments& given) {
  std::printf("%-32s  %-7s  %-12s  %-12s  %-20s  %-28s  %s\n", "DIGEST", "STATE", "AGE",
              "LEASE_LEFT", "FENCE", "REQUEST_ID", "NOTE");
  std::size_t listed = 0;
  const auto done = records.running(given.limit, [&listed](const redis::record_info& info) {
    ++listed;
    std::printf("%-32s  %-7s  %-12s  %-12s  %-20llu  %-28s  %s\n", to_hex(info.key.bytes).c_str(),
                name_of(info.state), shown(info.age).c_str(),
                info.lease_left.count() > 0 ? shown(info.lease_left).c_str() : "over",
                static_cast<unsigned long long>(info.fence), shown(info.operation_id).c_str(),
                info.note.empty() ? "-" : shown(info.note).c_str());
    std::fflush(stdout);  // whoever waits for a large database sees the first ones at once
  });
  if (!done) return tell(done.error());
  std::fprintf(stderr, "%zu listed of %zu records%s", listed, done->examined,
               done->is_complete ? "" : " so far; there are more");
  if (done->corrupt > 0) std::fprintf(stderr, "; %zu keys hold no record", done->corrupt);
  std::fputs("\n", stderr);
  return 0;
}

int release(redis::inspector& records, const arguments& given) {
  const idempotency::digest key = digest_of(given);
  const auto found = records.find(key);
  if (!found) return tell(found.error());
  if (!*found) return tell_none();
  const redis::record_info& info = **found;
  print(info);
  if (info.state == idempotency::record_state::completed) {
    std::fputs("not released: it is completed, and retries get its response\n", stderr);
    return 1;
  }
  if (info.lease_left.count() > 0 && !given.even_if_running) {
    std::fprintf(stderr,
                 "not released: its lease holds for %s, so the attempt may be alive. Come again\n"
                 "then, or end it and say --even-if-running\n",
                 shown(info.lease_left).c_str());
    return 1;
  }
  const auto status = records.release(key, info.owner);
  if (!status) return tell(status.error());
  switch (*status) {
    case redis::release_status::applied: std::puts("released: the key may run again"); return 0;
    case redis::release_status::already: std::puts("released before: nothing was done"); return 0;
    case redis::release_status::lost:
      std::fputs("not released: another attempt has it since, or it is completed now\n", stderr);
      return 1;
    case redis::release_status::gone:
      std::fputs("not released: the record is gone since\n", stderr);
      return 1;
    case redis::release_status::corrupt:
      std::fputs("not released: what stands there now is no record\n", stderr);
      return 4;
  }
  return 4;
}

arguments read_arguments(const std::vector<std::string_view>& words) {
  arguments made;
  if (words.empty()) throw misuse{"no command"};
  if (words.front() == "show") {
    made.command = verb::show;
  } else if (words.front() == "running") {
    made.command = verb::running;
  } else if (words.front() == "release") {
    made.command = verb::release;
  } else {
    throw misuse{"command: none of show, running and release"};
  }
  const bool has_key = made.command != verb::running;
  made.store.url = {};
  std::vector<std::string_view> seen;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string_view option = words[i];
    if (!option.starts_with("--")) throw misuse{"an argument too many"};
    if (std::ranges::find(seen, option) != seen.end()) {
      throw misuse{std::string(option) + " is given twice"};
    }
    seen.push_back(option);
    if (option == "--body" && made.command == verb::show) {
      made.with_body = true;
      continue;
    }
    if (option == "--even-if-running" && made.command == verb::release) {
      made.even_if_running = true;
      continue;
    }
    if (++i == words.size()) throw misuse{std::string(option) + ": there is nothing behind it"};
    const std::string_view value = words[i];
    if (value.empty() && option != "--prefix") throw misuse{std::string(option) + ": empty"};
    if (option == "--store") {
      made.store.url = value;
    } else if (option == "--prefix") {
      made.store.key_prefix = value;
    } else if (option == "--user") {
      made.store.user = value;
    } else if (option == "--password-file") {
      made.password_file = value;
    } else if (option == "--tls-authorities") {
      made.store.tls.authorities_file = value;
    } else if (option == "--key-file" && has_key) {
      made.key_file = value;
    } else if (option == "--digest-key-file" && has_key) {
      made.digest_key_file = value;
    } else if (option == "--digest" && has_key) {
      made.key = parse_digest(value);
    } else if (option == "--limit" && !has_key) {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), made.limit);
      if (error != std::errc() || end != value.data() + value.size() || made.limit < 1 ||
          made.limit > 1'000'000) {
        throw misuse{"--limit: not 1 to 1000000"};
      }
    } else {
      throw misuse{std::string(option) + ": no option of this command"};
    }
  }
  if (made.store.url.empty()) throw misuse{"--store is missing"};
  if (!has_key) return made;
  if (made.key && !(made.key_file.empty() && made.digest_key_file.empty())) {
    throw misuse{"--digest is instead of --key-file and --digest-key-file"};
  }
  if (!made.key && (made.key_file.empty() || made.digest_key_file.empty())) {
    throw misuse{"--digest is missing, or --key-file and --digest-key-file"};
  }
  return made;
}

int run(arguments given) {
  if (!given.password_file.empty()) {
    const auto lines = lines_of(read_secret(given.password_file));
    if (lines.empty() || lines.front().empty()) {
      throw unusable{given.password_file + ": there is no password"};
    }
    given.store.password = lines.front();
  }
  const auto records = redis::make_inspector(given.store);
  if (!records) throw unusable{records.error()};
  switch (given.command) {
    case verb::show: return show(**records, given);
    case verb::running: return list_running(**records, given);
    case verb::release: return release(**records, given);
  }
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    if (std::ranges::find(words, "--help") != words.end()) {
      std::fputs(usage, stdout);
      return 0;
    }
    return run(read_arguments(words));
  } catch (const misuse& wrong) {
    std::fprintf(stderr, "%s\n%s", wrong.what.c_str(), usage);
    return 2;
  } catch (const unusable& wrong) {
    std::fprintf(stderr, "%s\n", wrong.what.c_str());
    return 2;
  }
}
