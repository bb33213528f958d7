// SPDX-License-Identifier: Apache-2.0
//
// The protocol of Redis (RESP2): commands into a buffer, replies out of hiredis' reader, without an
// object for each.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_RESP_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_RESP_HPP

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct redisReader;

namespace parley::idempotency_redis {

/// Appends one command to `to`: begin with the number of its words, then give just so many.
class command {
 public:
  command(std::string& to, std::size_t words) : to_(to) { header('*', words); }

  command& word(std::string_view text) {
    header('$', text.size());
    to_.append(text).append("\r\n");
    return *this;
  }
  command& word(std::uint64_t number) {
    std::array<char, 20> text;
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
    return word({text.data(), static_cast<std::size_t>(end - text.data())});
  }
  /// A word that `write(buffer)` appends itself, of `size` bytes.
  template <class Write>
  command& word(std::size_t size, Write write) {
    header('$', size);
    write(to_);
    to_ += "\r\n";
    return *this;
  }

 private:
  void header(char what, std::size_t number) {
    std::array<char, 24> text;
    text[0] = what;
    char* const end = std::to_chars(text.data() + 1, text.data() + 22, number).ptr;
    end[0] = '\r';
    end[1] = '\n';
    to_.append(text.data(), end + 2);
  }

  std::string& to_;
};

struct reply {
  enum class kind : std::uint8_t { status, error, integer, bulk, nil, array, other };
  kind what = kind::other;
  std::string_view text;  ///< lives until the sink returns
  std::int64_t integer = 0;
  std::size_t elements = 0;  ///< of an array; they follow as parts
};

class reply_sink {
 public:
  virtual void on_reply(const reply& r) noexcept = 0;
  /// What is inside an array that on_reply() told, each before what follows it and an array before
  /// its own elements.
  virtual void on_part(const reply&) noexcept {}

 protected:
  ~reply_sink() = default;
};

class reply_reader {
 public:
  enum class status : std::uint8_t { ok, protocol, too_large, out_of_memory };

  /// A reply that needs more than `bytes_max` is too_large. `sink` outlives it.
  reply_reader(reply_sink& sink, std::size_t bytes_max);

  /// Tells the sink each reply that is now whole.
  status feed(std::string_view bytes) noexcept;

 private:
  struct free_reader {
    void operator()(redisReader* reader) const noexcept;
  };
  std::size_t bytes_max_;
  std::unique_ptr<redisReader, free_reader> reader_;
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_RESP_HPP
