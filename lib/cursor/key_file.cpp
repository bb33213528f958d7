// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "crypto/sha256.hpp"
#include "parley/cursor/key_ring.hpp"

namespace parley::cursor {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{1} << 20;

constexpr auto values = []() {
  std::array<std::int8_t, 256> made{};
  made.fill(-1);
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    made[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return made;
}();

// RFC 4648, section 4: with the padding that `openssl rand -base64` writes.
std::optional<crypto::secret_bytes> decode(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  text.remove_suffix(padding);
  crypto::secret_bytes made((text.size() + padding) / 4 * 3 - padding);
  std::size_t written = 0;
  unsigned bits = 0;
  unsigned have = 0;
  for (const char c : text) {
    const std::int8_t value = values[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<unsigned>(value);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    made.bytes()[written++] = static_cast<std::byte>(bits >> have);
    bits &= (1u << have) - 1;
  }
  if (bits != 0) return std::nullopt;
  return made;
}

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view take_word(std::string_view& line) noexcept {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  const auto end = std::ranges::find_if(line, is_blank);
  const auto size = static_cast<std::size_t>(end - line.begin());
  const std::string_view word = line.substr(0, size);
  line.remove_prefix(size);
  return word;
}

std::optional<key_state> find_state(std::string_view name) noexcept {
  for (const key_state each : {key_state::active, key_state::verify_only, key_state::retired}) {
    if (name == to_string(each)) return each;
  }
  return std::nullopt;
}

class open_file {
 public:
  // O_NONBLOCK: to open a FIFO would wait for who writes it. It changes nothing for a file.
  explicit open_file(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }

 private:
  const int fd_;
};

}  // namespace

result<key_set, std::string> parse_key_file(std::string_view text) {
  std::vector<key_entry> entries;
  std::vector<crypto::secret_bytes> secrets;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto fail = [number](std::string_view why) {
      return failure{"line " + std::to_string(number) + ": " + std::string(why)};
    };
    const std::string_view id = take_word(line);
    if (id.empty() || id.front() == '#') continue;
    key_entry entry;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), entry.id);
    if (error != std::errc() || end != id.data() + id.size()) {
      return fail("the key id is not a number from 0 to 255");
    }
    const auto state = find_state(take_word(line));
    if (!state) return fail("the state is not active, verify_only or retired");
    entry.state = *state;
    const std::string_view secret = take_word(line);
    if (!take_word(line).empty()) return fail("there is something behind the secret");
    if (!secret.empty()) {
      auto decoded = decode(secret);
      if (!decoded) return fail("the secret is not base64");
      secrets.push_back(*std::move(decoded));
      entry.secret = std::as_const(secrets.back()).bytes();
    }
    // With the line, which make() does not know.
    if (entry.state != key_state::retired &&
        (entry.secret.size() < secret_bytes_min || entry.secret.size() > secret_bytes_max)) {
      return fail("the secret has " + std::to_string(entry.secret.size()) + " bytes, not " +
                  std::to_string(secret_bytes_min) + " to " + std::to_string(secret_bytes_max));
    }
    if (std::ranges::any_of(entries,
                            [&entry](const key_entry& each) { return each.id == entry.id; })) {
      return fail("the key id is given twice");
    }
    entries.push_back(entry);
  }
  return key_set::make(entries);
}

result<key_set, std::string> read_key_file(const std::string& path) {
  const auto fail = [&path](std::string_view why) {
    return failure{path + ": " + std::string(why)};
  };
  const auto fail_with_errno = [&fail] { return fail(std::strerror(errno)); };
  const open_file file(path);
  if (file.get() < 0) return fail_with_errno();
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return fail_with_errno();
  if (!S_ISREG(facts.st_mode)) return fail("it is not a regular file");
  if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail("others than its owner may use it: chmod 600");
  }
  if (facts.st_uid != ::geteuid() && facts.st_uid != 0) return fail("it belongs to another user");
  crypto::secret_bytes text(file_bytes_max + 1);
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.bytes().data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_with_errno();
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > file_bytes_max) return fail("it is above 1 MiB");
  auto keys = parse_key_file({reinterpret_cast<const char*>(text.bytes().data()), size});
  if (!keys) return fail(keys.error());
  return keys;
}

}  // namespace parley::cursor
