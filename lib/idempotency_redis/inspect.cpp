// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency_redis/inspect.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include "idempotency_redis/limits.hpp"
#include "idempotency_redis/record.hpp"
#include "idempotency_redis/resp.hpp"
#include "idempotency_redis/scripts.hpp"
#include "idempotency_redis/transport.hpp"
#include "idempotency_redis/url.hpp"
#include "parley/idempotency/store.hpp"

namespace parley::idempotency_redis {
namespace {

using std::chrono::milliseconds;
using steady_time = std::chrono::steady_clock::time_point;

// A step of SCAN may come with more names than it was asked for.
constexpr std::size_t reply_bytes_min = std::size_t{1} << 20;
// Of one step of SCAN: less than a millisecond of the server's time.
constexpr std::uint64_t scan_count = 1'000;
// All of a record but its response.
constexpr std::uint64_t head_bytes_max =
    record_header_bytes + idempotency::operation_id_bytes_max + idempotency::note_bytes_max;

// The record and its time as they stand at one moment. ARGV: the last byte that is wanted.
constexpr std::string_view read_script = R"(
return {redis.call('GETRANGE', KEYS[1], 0, ARGV[1]), redis.call('STRLEN', KEYS[1]),
        redis.call('PTTL', KEYS[1])}
)";

struct free_reply {
  void operator()(redisReply* r) const noexcept { freeReplyObject(r); }
};
using reply_ptr = std::unique_ptr<redisReply, free_reply>;
using replies = std::vector<reply_ptr>;

std::string_view text_of(const redisReply& r) noexcept { return {r.str, r.len}; }

inspect_failure fail_with(inspect_errc why, std::string what) {
  return {.why = why, .what = std::move(what)};
}

failure<inspect_failure> malformed(std::string_view command) {
  return failure{fail_with(inspect_errc::malformed,
                           "the server's answer to " + std::string(command) + " is none")};
}

// The first word alone: what follows may repeat what was sent, a password, say.
failure<inspect_failure> refused(std::string_view command, const redisReply& error) {
  std::string_view code = text_of(error);
  code = code.substr(0, code.find(' '));
  const bool is_plain = !code.empty() && code.size() <= 32 && std::ranges::all_of(code, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!is_plain) code = "an error";
  if (code == "WRONGTYPE") {
    return failure{
        fail_with(inspect_errc::corrupt_record, "what stands under the key is no record")};
  }
  return failure{fail_with(inspect_errc::refused, "the server refuses " + std::string(command) +
                                                      ": " + std::string(code))};
}

failure<inspect_failure> corrupt() {
  return failure{fail_with(inspect_errc::corrupt_record,
                           "what stands under the key is no record of this version")};
}

class connection {
 public:
  explicit connection(std::shared_ptr<boost::asio::ssl::context> tls)
      : transport_(context_.get_executor(), std::move(tls)), reader_(redisReaderCreate()) {
    if (!reader_) throw std::bad_alloc();
  }

  result<void, inspect_failure> connect(const endpoint& to, const std::string& server_name,
                                        milliseconds timeout) {
    const bool has_colon = to.host.find(':') != std::string::npos;
    const std::string host = has_colon && !to.is_unix ? '[' + to.host + ']' : to.host;
    const std::string where = to.is_unix ? host : host + ':' + std::to_string(to.port);
    bool is_done = false;
    transport::error_code error;
    disconnect_reason step = disconnect_reason::connect;
    transport_.connect(to, server_name, nullptr,
                       [&](transport::error_code e, disconnect_reason at) {
                         is_done = true;
                         error = e;
                         step = at;
                       });
    if (!run(is_done, timeout)) {
      return failure{fail_with(inspect_errc::timed_out, "no connection to " + where + " in time")};
    }
    if (!error) return {};
    const std::string what = step == disconnect_reason::tls       ? "no TLS with "
                             : step == disconnect_reason::resolve ? "no address for "
                                                                  : "no connection to ";
    return failure{fail_with(inspect_errc::unavailable, what + where + ": " + error.message())};
  }

  /// `commands` are `count` commands; as many replies, errors among them.
  result<replies, inspect_failure> ask(const std::string& commands, std::size_t count,
                                       milliseconds timeout, std::size_t bytes_max) {
    const steady_time until = std::chrono::steady_clock::now() + timeout;
    bool is_done = false;
    transport::error_code error;
    transport_.write(boost::asio::buffer(commands), [&](transport::error_code e, std::size_t) {
      is_done = true;
      error = e;
    });
    if (!run_until(is_done, until)) return no_answer();
    if (error) return ended(error);

    replies made;
    std::size_t unfinished = 0;  // bytes of a reply that is not whole yet
    while (made.size() < count) {
      std::size_t size = 0;
      is_done = false;
      transport_.read_some(boost::asio::buffer(chunk_),
                           [&](transport::error_code e, std::size_t read) {
                             is_done = true;
                             error = e;
                             size = read;
                           });
      if (!run_until(is_done, until)) return no_answer();
      if (error) return ended(error);
      if (redisReaderFeed(reader_.get(), chunk_.data(), size) != REDIS_OK) return not_redis();
      unfinished += size;
      while (made.size() < count) {
        void* whole = nullptr;
        if (redisReaderGetReply(reader_.get(), &whole) != REDIS_OK) return not_redis();
        reply_ptr next(static_cast<redisReply*>(whole));
        // Not what the reader still holds: it lets go of an array's elements one by one.
        const std::size_t left = next ? reader_->len - reader_->pos : 0;
        if (unfinished - left > bytes_max) {
          return failure{fail_with(inspect_errc::malformed, "a reply is above reply_bytes_max")};
        }
        if (!next) break;
        unfinished = left;
        made.push_back(std::move(next));
      }
    }
    // A reply that nobody asked for would be taken for the answer to what is asked next.
    if (unfinished != 0) return not_redis();
    return made;
  }

 private:
  struct free_reader {
    void operator()(redisReader* r) const noexcept { redisReaderFree(r); }
  };

  static failure<inspect_failure> no_answer() {
    return failure{fail_with(inspect_errc::timed_out, "the server does not answer in time")};
  }
  static failure<inspect_failure> ended(const transport::error_code& error) {
    return failure{
        fail_with(inspect_errc::unavailable, "the connection ended: " + error.message())};
  }
  static failure<inspect_failure> not_redis() {
    return failure{fail_with(inspect_errc::malformed, "what came is not Redis' protocol")};
  }

  bool run(const bool& is_done, milliseconds timeout) {
    return run_until(is_done, std::chrono::steady_clock::now() + timeout);
  }
  // Where this gives false the object is destroyed, and with it what still looks at the caller's
  // variables.
  bool run_until(const bool& is_done, steady_time until) {
    while (!is_done) {
      context_.restart();
      if (context_.run_one_until(until) == 0) return false;
    }
    return true;
  }

  boost::asio::io_context context_{1};
  transport transport_;
  std::unique_ptr<redisReader, free_reader> reader_;
  std::array<char, 16384> chunk_;
};

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The commands of one exchange.
struct batch {
  std::string text;
  std::size_t count = 0;

  command add(std::size_t words) {
    ++count;
    return {text, words};
  }
};

class redis_inspector final : public inspector {
 public:
  redis_inspector(redis_store_options options, endpoint to,
                  std::shared_ptr<boost::asio::ssl::context> tls)
      : options_(std::move(options)), to_(std::move(to)), tls_(std::move(tls)) {
    // As a pattern: the prefix as it is, and any 32 characters.
    for (const char c : options_.key_prefix) {
      if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') pattern_ += '\\';
      pattern_ += c;
    }
    pattern_.append(key_hex_bytes, '?');
  }

  result<std::optional<record_info>, inspect_failure> find(const idempotency::digest& key,
                                                           bool with_response) override {
    batch commands;
    add_read(commands, name_of(key), with_response);
    auto answer = ask(commands);
    if (!answer) return failure{std::move(answer).error()};
    return read_record(*answer->front(), key, with_response);
  }

  result<scan_summary, inspect_failure> running(
      std::size_t limit, const std::function<void(const record_info&)>& each) override {
    scan_summary made;
    std::set<idempotency::digest> told;  // SCAN may give a key more than once
    const auto tell = [&](const record_info& info) {
      if (info.state != idempotency::record_state::running &&
          info.state != idempotency::record_state::marked) {
        return true;
      }
      if (told.size() == limit && !told.contains(info.key)) {
        made.is_complete = false;
        return false;
      }
      if (told.insert(info.key).second) each(info);
      return true;
    };
    const auto look = [&](const std::vector<std::string>& names) -> result<bool, inspect_failure> {
      return look_at(names, made, tell);
    };
    if (auto scanned = scan(look); !scanned) return failure{std::move(scanned).error()};
    return made;
  }

  result<release_status, inspect_failure> release(const idempotency::digest& key,
                                                  const idempotency::nonce& owner) override {
    // The fence first: the record that is written keeps it, or fences would fall.
    const auto found = find(key, false);
    if (!found) {
      if (found.error().why == inspect_errc::corrupt_record) return release_status::corrupt;
      return failure{found.error()};
    }
    if (!*found) return release_status::gone;
    const record_info& info = **found;
    if (info.owner != owner || info.state == idempotency::record_state::completed) {
      return release_status::lost;
    }

    constexpr auto retention = static_cast<std::uint32_t>(idempotency::released_retention.count());
    record released;
    released.state = idempotency::record_state::released;
    released.owner = owner;
    released.fence = info.fence;
    released.retention_ms = retention;
    // What the script compares with: the head of a running record. It takes a marked one as well.
    std::string head(1, static_cast<char>(idempotency::record_state::running));
    head.append(reinterpret_cast<const char*>(owner.bytes.data()), owner.bytes.size());
    head += record_version;
    batch commands;
    commands.add(7)
        .word("EVAL")
        .word(text_of(script::release))
        .word("1")
        .word(name_of(key))
        .word(head)
        .word(encoded_bytes(released), [&](std::string& to) { encode(released, to); })
        .word(retention);
    const auto answer = ask(commands);
    if (!answer) return failure{answer.error()};
    const redisReply& status = *answer->front();
    if (status.type == REDIS_REPLY_ERROR) return refused("EVAL", status);
    if (status.type != REDIS_REPLY_INTEGER) return malformed("EVAL");
    switch (static_cast<script_answer>(status.integer)) {
      case script_answer::applied: return release_status::applied;
      case script_answer::already: return release_status::already;
      case script_answer::lost: return release_status::lost;
      case script_answer::gone: return release_status::gone;
      case script_answer::corrupt: return release_status::corrupt;
    }
    return malformed("EVAL");
  }

  result<std::size_t, inspect_failure> clear() override {
    std::size_t deleted = 0;
    const auto unlink =
        [&](const std::vector<std::string>& names) -> result<bool, inspect_failure> {
      batch commands;
      command made = commands.add(1 + names.size());
      made.word("UNLINK");
      for (const std::string& name : names) made.word(name);
      const auto answer = ask(commands);
      if (!answer) return failure{answer.error()};
      const redisReply& count = *answer->front();
      if (count.type == REDIS_REPLY_ERROR) return refused("UNLINK", count);
      if (count.type != REDIS_REPLY_INTEGER || count.integer < 0) return malformed("UNLINK");
      deleted += static_cast<std::size_t>(count.integer);
      return true;
    };
    if (auto scanned = scan(unlink); !scanned) return failure{std::move(scanned).error()};
    return deleted;
  }

 private:
  // Tells whether to go on.
  using batch_visitor =
      std::function<result<bool, inspect_failure>(const std::vector<std::string>&)>;

  std::string name_of(const idempotency::digest& key) const {
    std::string made = options_.key_prefix;
    append_hex(key, made);
    return made;
  }

  std::optional<idempotency::digest> key_of(std::string_view name) const {
    if (name.size() != options_.key_prefix.size() + key_hex_bytes) return std::nullopt;
    if (!name.starts_with(options_.key_prefix)) return std::nullopt;
    name.remove_prefix(options_.key_prefix.size());
    idempotency::digest made;
    for (std::size_t i = 0; i < made.bytes.size(); ++i) {
      const int high = hex_value(name[2 * i]);
      const int low = hex_value(name[2 * i + 1]);
      if (high < 0 || low < 0) return std::nullopt;
      made.bytes[i] = static_cast<std::byte>(high * 16 + low);
    }
    return made;
  }

  static void add_read(batch& to, const std::string& name, bool with_response) {
    to.add(5)
        .word("EVAL")
        .word(read_script)
        .word("1")
        .word(name)
        .word(with_response ? "-1" : std::to_string(head_bytes_max - 1));
  }

  // None: there is no record.
  result<std::optional<record_info>, inspect_failure> read_record(const redisReply& answer,
                                                                  const idempotency::digest& key,
                                                                  bool with_response) const {
    if (answer.type == REDIS_REPLY_ERROR) return refused("EVAL", answer);
    if (answer.type != REDIS_REPLY_ARRAY || answer.elements != 3) return malformed("EVAL");
    const redisReply& value = *answer.element[0];
    const redisReply& size = *answer.element[1];
    const redisReply& ttl = *answer.element[2];
    if (value.type != REDIS_REPLY_STRING || size.type != REDIS_REPLY_INTEGER ||
        ttl.type != REDIS_REPLY_INTEGER) {
      return malformed("EVAL");
    }
    if (ttl.integer == -2) return std::optional<record_info>();
    const auto found = decode(text_of(value));
    const auto whole = static_cast<std::size_t>(std::max(size.integer, 0LL));
    // A record has an end.
    if (!found || ttl.integer < 0 || whole < value.len) return corrupt();
    const std::size_t head = record_header_bytes + found->operation_id.size() + found->note.size();

    record_info made;
    made.key = key;
    made.state = found->state;
    made.time_left = milliseconds(ttl.integer);
    // Below zero after a step back of the server's clock, which lengthens the lease.
    const milliseconds passed = milliseconds(found->retention_ms) - made.time_left;
    made.age = std::max(passed, milliseconds(0));
    if (made.state == idempotency::record_state::running ||
        made.state == idempotency::record_state::marked) {
      made.lease_left = std::max(milliseconds(found->lease_ms) - passed, milliseconds(0));
    }
    made.fence = found->fence;
    made.owner = found->owner;
    made.operation_id = found->operation_id;
    made.note = found->note;
    made.response_bytes = whole - head;
    if (with_response) {
      made.response = idempotency::response_ref::copy_of(found->response);
      if (!made.response) throw std::bad_alloc();
    }
    return std::optional(std::move(made));
  }

  // Two looks at a step of the scan: at the heads of all, then at the whole of those that run, and
  // of those of which the head does not tell whether they are there.
  template <class Tell>
  result<bool, inspect_failure> look_at(const std::vector<std::string>& names, scan_summary& counts,
                                        const Tell& tell) {
    batch heads;
    for (const std::string& name : names) {
      heads.add(4).word("GETRANGE").word(name).word("0").word(record_header_bytes - 1);
    }
    const auto found = ask(heads);
    if (!found) return failure{found.error()};
    batch reads;
    std::vector<idempotency::digest> keys;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const redisReply& head = *(*found)[i];
      if (head.type == REDIS_REPLY_ERROR) {
        auto why = refused("GETRANGE", head);
        if (why.error.why != inspect_errc::corrupt_record) return why;
        ++counts.corrupt;
        continue;
      }
      if (head.type != REDIS_REPLY_STRING) return malformed("GETRANGE");
      const auto look_again = [&] {
        keys.push_back(*key_of(names[i]));
        add_read(reads, names[i], false);
      };
      if (head.len == 0) {
        look_again();
        continue;
      }
      const auto state = static_cast<idempotency::record_state>(head.str[0]);
      if (head.len < record_header_bytes || head.str[17] != record_version ||
          state < idempotency::record_state::running ||
          state > idempotency::record_state::released) {
        ++counts.corrupt;
      } else if (state == idempotency::record_state::running ||
                 state == idempotency::record_state::marked) {
        look_again();
      } else {
        ++counts.examined;
      }
    }
    if (keys.empty()) return true;

    const auto records = ask(reads);
    if (!records) return failure{records.error()};
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto info = read_record(*(*records)[i], keys[i], false);
      if (!info) {
        if (info.error().why != inspect_errc::corrupt_record) return failure{info.error()};
        ++counts.corrupt;
      } else if (*info) {
        ++counts.examined;
        if (!tell(**info)) return false;
      }
    }
    return true;
  }

  // Calls `visit` with the names of records, a step of SCAN at a time.
  result<void, inspect_failure> scan(const batch_visitor& visit) {
    std::string cursor = "0";
    do {
      batch step;
      step.add(6).word("SCAN").word(cursor).word("MATCH").word(pattern_).word("COUNT").word(
          scan_count);
      const auto answer = ask(step);
      if (!answer) return failure{answer.error()};
      const redisReply& page = *answer->front();
      if (page.type == REDIS_REPLY_ERROR) return refused("SCAN", page);
      if (page.type != REDIS_REPLY_ARRAY || page.elements != 2 ||
          page.element[0]->type != REDIS_REPLY_STRING ||
          page.element[1]->type != REDIS_REPLY_ARRAY) {
        return malformed("SCAN");
      }
      cursor = text_of(*page.element[0]);
      std::vector<std::string> names;
      const redisReply& list = *page.element[1];
      for (const redisReply* each : std::span(list.element, list.elements)) {
        if (each->type != REDIS_REPLY_STRING) return malformed("SCAN");
        if (key_of(text_of(*each))) names.emplace_back(text_of(*each));
      }
      if (names.empty()) continue;
      const auto visited = visit(names);
      if (!visited) return failure{visited.error()};
      if (!*visited) break;
    } while (cursor != "0");
    return {};
  }

  result<replies, inspect_failure> ask(const batch& commands) {
    const bool was_connected = connection_ != nullptr;
    auto answer = try_ask(commands);
    // The server closes what is idle, and goes away and comes back. Sent twice, no command here
    // does anything the second time.
    if (!answer && was_connected && answer.error().why == inspect_errc::unavailable) {
      answer = try_ask(commands);
    }
    return answer;
  }

  result<replies, inspect_failure> try_ask(const batch& commands) {
    if (!connection_) {
      if (auto made = connect(); !made) return failure{std::move(made).error()};
    }
    // Given up as well where memory runs out in the middle: replies would be left in it.
    auto through = std::move(connection_);
    auto answer = through->ask(commands.text, commands.count, options_.operation_timeout,
                               options_.reply_bytes_max);
    if (answer) connection_ = std::move(through);
    return answer;
  }

  result<void, inspect_failure> connect() {
    auto made = std::make_unique<connection>(tls_);
    const std::string& name =
        options_.tls.server_name.empty() ? to_.host : options_.tls.server_name;
    if (auto connected = made->connect(to_, name, options_.connect_timeout); !connected) {
      return connected;
    }
    batch login;
    if (!to_.password.empty()) {
      command auth = login.add(to_.user.empty() ? 2 : 3);
      auth.word("AUTH");
      if (!to_.user.empty()) auth.word(to_.user);
      auth.word(to_.password);
    }
    if (to_.database != 0) login.add(2).word("SELECT").word(to_.database);
    if (login.count > 0) {
      const auto answer =
          made->ask(login.text, login.count, options_.operation_timeout, options_.reply_bytes_max);
      if (!answer) return failure{answer.error()};
      for (const reply_ptr& each : *answer) {
        if (each->type == REDIS_REPLY_ERROR) return refused("the login", *each);
      }
    }
    connection_ = std::move(made);
    return {};
  }

  const redis_store_options options_;
  const endpoint to_;
  const std::shared_ptr<boost::asio::ssl::context> tls_;
  std::string pattern_;
  std::unique_ptr<connection> connection_;
};

}  // namespace

inspector::~inspector() = default;

result<std::unique_ptr<inspector>, std::string> make_inspector(redis_store_options options) {
  auto to = parse_url(options.url);
  if (!to) return failure{std::move(to).error()};
  if (const std::string_view fault = fault_of_shared(options); !fault.empty()) {
    return failure{std::string(fault)};
  }
  if (options.reply_bytes_max < reply_bytes_min) {
    return failure{std::string("reply_bytes_max is below 1 MiB")};
  }
  if (!options.user.empty()) to->user = options.user;
  if (!options.password.empty()) to->password = options.password;
  if (!to->user.empty() && to->password.empty()) {
    return failure{std::string("there is a user without a password")};
  }
  auto tls = make_tls_context(*to, options.tls);
  if (!tls) return failure{std::move(tls).error()};
  std::unique_ptr<inspector> made =
      std::make_unique<redis_inspector>(std::move(options), *std::move(to), *std::move(tls));
  return made;
}

std::string_view to_string(inspect_errc e) noexcept {
  switch (e) {
    case inspect_errc::unavailable: return "unavailable";
    case inspect_errc::timed_out: return "timed_out";
    case inspect_errc::refused: return "refused";
    case inspect_errc::malformed: return "malformed";
    case inspect_errc::corrupt_record: return "corrupt_record";
  }
  return "unknown";  // a value from a newer peer
}

std::string_view to_string(release_status s) noexcept {
  switch (s) {
    case release_status::applied: return "applied";
    case release_status::already: return "already";
    case release_status::lost: return "lost";
    case release_status::gone: return "gone";
    case release_status::corrupt: return "corrupt";
  }
  return "unknown";  // a value from a newer peer
}

}  // namespace parley::idempotency_redis
