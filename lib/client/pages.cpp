// SPDX-License-Identifier: Apache-2.0
#include "parley/client/pages.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "core/http_text.hpp"

namespace parley::client {
namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 64;
constexpr std::string_view blanks = " \t\n\r";

// Lets everything pass: what it has let pass is JSON.
struct ignoring {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  using text = json::string_view;
  using errc = json::error_code;
  bool on_document_begin(errc&) noexcept { return true; }
  bool on_document_end(errc&) noexcept { return true; }
  bool on_object_begin(errc&) noexcept { return true; }
  bool on_object_end(std::size_t, errc&) noexcept { return true; }
  bool on_array_begin(errc&) noexcept { return true; }
  bool on_array_end(std::size_t, errc&) noexcept { return true; }
  bool on_key_part(text, std::size_t, errc&) noexcept { return true; }
  bool on_key(text, std::size_t, errc&) noexcept { return true; }
  bool on_string_part(text, std::size_t, errc&) noexcept { return true; }
  bool on_string(text, std::size_t, errc&) noexcept { return true; }
  bool on_number_part(text, errc&) noexcept { return true; }
  bool on_int64(std::int64_t, text, errc&) noexcept { return true; }
  bool on_uint64(std::uint64_t, text, errc&) noexcept { return true; }
  bool on_double(double, text, errc&) noexcept { return true; }
  bool on_bool(bool, errc&) noexcept { return true; }
  bool on_null(errc&) noexcept { return true; }
  bool on_comment_part(text, errc&) noexcept { return true; }
  bool on_comment(text, errc&) noexcept { return true; }
};

bool is_json(std::string_view body) {
  json::parse_options strict;
  strict.max_depth = depth_max;
  json::basic_parser<ignoring> parser(strict);
  json::error_code refused;
  const std::size_t size = parser.write_some(false, body.data(), body.size(), refused);
  return !refused && body.find_first_not_of(blanks, size) == body.npos;
}

// What a byte outside of a string does. Separators: blanks, comma and colon.
enum class shape : std::uint8_t { none, quote, open, close, separator };
constexpr std::array<shape, 256> shapes = [] {
  std::array<shape, 256> made{};
  made['"'] = shape::quote;
  made['{'] = made['['] = shape::open;
  made['}'] = made[']'] = shape::close;
  for (const unsigned c : {0x09u, 0x0au, 0x0du, 0x20u, 0x2cu, 0x3au}) made[c] = shape::separator;
  return made;
}();
shape shape_of(char c) noexcept { return shapes[static_cast<unsigned char>(c)]; }

// Steps through the members or elements of a text that is_json(), as pieces of that text.
class pieces {
 public:
  /// `json` begins with an object or an array.
  explicit pieces(std::string_view json) noexcept : at_(json.data() + 1) { skip_blanks(); }

  bool is_done() const noexcept { return *at_ == '}' || *at_ == ']'; }
  /// The first byte of the piece that comes.
  char peek() const noexcept { return *at_; }
  /// A value, or a key with its quotation marks. Steps over what separates it from the next.
  std::string_view next() noexcept {
    const char* const begin = at_;
    const char* end = begin;
    if (*begin == '"') {
      end = behind_string(begin);
    } else if (*begin == '{' || *begin == '[') {
      end = behind_nested(begin);
    } else {
      while (shape_of(*end) == shape::none) ++end;
    }
    step_behind(end);
    return {begin, static_cast<std::size_t>(end - begin)};
  }
  /// Instead of next(), where an array comes: its elements, and then what comes behind it.
  pieces enter() const noexcept { return pieces({at_, 1}); }
  void skip(const pieces& entered) noexcept { step_behind(entered.at_ + 1); }

 private:
  static const char* behind_string(const char* quote) noexcept {
    for (++quote; *quote != '"'; ++quote) quote += *quote == '\\' ? 1 : 0;
    return quote + 1;
  }
  static const char* behind_nested(const char* open) noexcept {
    std::size_t depth = 0;
    for (;;) {
      switch (shape_of(*open)) {
        case shape::quote: open = behind_string(open); continue;
        case shape::open: ++depth; break;
        case shape::close:
          if (--depth == 0) return open + 1;
          break;
        case shape::none:
        case shape::separator: break;
      }
      ++open;
    }
  }

  void step_behind(const char* piece) noexcept {
    at_ = piece;
    skip_blanks();
    if (*at_ == ',' || *at_ == ':') ++at_;
    skip_blanks();
  }
  void skip_blanks() noexcept {
    while (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r') ++at_;
  }
  const char* at_;  // before the end of the object or array
};

json::value read(std::string_view text) {
  json::error_code refused;
  json::parse_options options;
  options.max_depth = depth_max;
  return json::parse({text.data(), text.size()}, refused, {}, options);  // null where refused
}

std::string_view text_of(const json::string& text) { return {text.data(), text.size()}; }

std::optional<std::uint64_t> count_in(const json::object& meta, json::string_view name) {
  const json::value* const found = meta.if_contains(name);
  if (found == nullptr) return 0;
  json::error_code refused;
  const auto value = found->to_number<std::uint64_t>(refused);
  return refused ? std::nullopt : std::optional(value);
}

bool is_name(std::string_view key, std::string_view name) {
  if (key.find('\\') == key.npos) return key.substr(1, key.size() - 2) == name;
  const json::value parsed = read(key);
  return text_of(parsed.get_string()) == name;
}

// The member `id` of an item as text: its string, or its number as it stands there.
std::string id_of(std::string_view item) {
  if (!item.starts_with('{')) return {};
  std::string id;
  for (pieces members(item); !members.is_done();) {
    const std::string_view key = members.next();
    const std::string_view value = members.next();
    if (!is_name(key, "id")) continue;
    const json::value parsed = read(value);
    if (const json::string* const text = parsed.if_string()) {
      id = text_of(*text);
    } else if (parsed.is_number()) {
      id = value;
    }
  }
  return id;
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (http_text::is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
}

constexpr std::string_view checkpoint_version = "1";

}  // namespace

struct page::content {
  std::string body;
  std::vector<std::string_view> items;  // of the body
  std::string cursor;
  std::uint64_t total_results = 0;
  std::uint64_t page_size = 0;

  /// Reads `body`; false: that is no page.
  bool read_body();
};

bool page_failure::is_cursor_refused() const noexcept {
  if (!answer || !answer->error || !*answer->error) return false;
  const auto& fields = (*answer->error)->fields();
  return (*answer->error)->code() == errors::code::validation_error &&
         std::ranges::any_of(fields, [](const auto& each) { return each.name == "cursor"; });
}

page_walk::page_walk(std::string target) : target_(std::move(target)) {}

result<operation, operation_errc> page_walk::next_request() const {
  std::string target = target_;
  if (!cursor_.empty()) {
    target += target.find('?') == target.npos ? "?cursor=" : "&cursor=";
    append_encoded(target, cursor_);
  }
  return operation::get(std::move(target));
}

result<page, page_failure> page_walk::take(answer of) {
  if (!of.is_success()) return failure{page_failure{page_errc::no_success, std::move(of)}};
  const auto read = std::make_shared<page::content>();
  read->body = std::move(of.response->body);
  const auto refuse = [&](page_errc why) {
    of.response->body = std::move(read->body);
    return failure{page_failure{why, std::move(of)}};
  };
  if (!read->read_body()) return refuse(page_errc::not_a_page);
  if (!read->cursor.empty() && (read->cursor == cursor_ || read->cursor == mark_)) {
    return refuse(page_errc::cursor_repeated);
  }

  page made;
  made.content_ = read;
  if (last_) {
    // What resume() leaves out is of the first page alone.
  } else if (!skip_id_.empty()) {
    const auto found = std::ranges::find(read->items, skip_id_, id_of);
    const bool is_there = found != read->items.end();
    made.left_out_ = is_there ? static_cast<std::size_t>(found - read->items.begin()) + 1 : 0;
  } else if (skip_ <= read->items.size()) {
    made.left_out_ = skip_;
  }

  std::string cursor = read->cursor;
  // Brent's way to find a circle of any length with one cursor kept.
  if (std::has_single_bit(++pages_taken_)) mark_ = cursor;
  if (made.left_out_ == 0) skip_id_.clear();
  skip_ = made.left_out_;
  page_cursor_ = std::exchange(cursor_, std::move(cursor));
  is_done_ = made.is_last();
  handled_ = 0;
  last_ = made;
  return made;
}

void page_walk::handled(std::size_t index) noexcept {
  if (!last_) return;
  handled_ = std::max(handled_, index < last_->size() ? index + 1 : last_->size());
}

// The version, target, cursor, the number of items of that page to leave out, and the id of the
// last of them: each percent-encoded, with '&' between them.
std::string page_walk::checkpoint() const {
  std::string_view cursor = cursor_;
  std::size_t skip = skip_;
  std::string id = skip_id_;
  if (last_) {
    if (handled_ == last_->size() && !is_done_) {
      skip = 0;
      id.clear();
    } else {
      cursor = page_cursor_;
      skip += handled_;
      if (handled_ > 0) id = id_of((*last_)[handled_ - 1]);
    }
  }
  const std::string count = std::to_string(skip);
  std::string text(checkpoint_version);
  for (const std::string_view each :
       {std::string_view(target_), cursor, std::string_view(count), std::string_view(id)}) {
    text.push_back('&');
    append_encoded(text, each);
  }
  return text;
}

result<page_walk, page_errc> page_walk::resume(std::string_view checkpoint) {
  constexpr failure damaged{page_errc::damaged};
  constexpr std::size_t parts_count = 5;
  std::vector<std::string> parts;
  for (bool is_more = true; is_more;) {
    if (parts.size() == parts_count) return damaged;
    const std::size_t size = std::min(checkpoint.find('&'), checkpoint.size());
    std::string part;
    if (!http_text::append_decoded(part, checkpoint.substr(0, size))) return damaged;
    parts.push_back(std::move(part));
    is_more = size < checkpoint.size();
    checkpoint.remove_prefix(is_more ? size + 1 : size);
  }
  if (parts.size() != parts_count || parts[0] != checkpoint_version) return damaged;
  page_walk made(std::move(parts[1]));
  made.cursor_ = std::move(parts[2]);
  const char* const end = parts[3].data() + parts[3].size();
  const auto count = std::from_chars(parts[3].data(), end, made.skip_);
  if (count.ec != std::errc() || count.ptr != end) return damaged;
  made.skip_id_ = std::move(parts[4]);
  if (!made.next_request()) return damaged;
  return made;
}

bool page::content::read_body() {
  if (!is_json(body)) return false;
  const std::string_view text = std::string_view(body).substr(body.find_first_not_of(blanks));
  if (!text.starts_with('{')) return false;

  bool has_data = false;
  std::string_view meta_text;
  for (pieces members(text); !members.is_done();) {
    const std::string_view key = members.next();
    if (is_name(key, "data")) {  // the last one counts, as for most readers of JSON
      items.clear();
      has_data = members.peek() == '[';
      if (has_data) {
        pieces each = members.enter();
        while (!each.is_done()) items.push_back(each.next());
        members.skip(each);
        continue;
      }
    }
    const std::string_view value = members.next();
    if (is_name(key, "meta")) meta_text = value;
  }
  // Without `meta` nobody knows whether this is the last page.
  const json::value parsed = read(meta_text);
  const json::object* const meta = parsed.if_object();
  if (!has_data || meta == nullptr) return false;

  const auto total = count_in(*meta, "total_results");
  const auto size = count_in(*meta, "page_size");
  if (!total || !size) return false;
  total_results = *total;
  page_size = *size;
  const json::value* const found = meta->if_contains("cursor");
  if (found == nullptr || found->is_null()) return true;
  if (!found->is_string()) return false;
  cursor = text_of(found->get_string());
  return true;
}

std::span<const std::string_view> page::items() const noexcept {
  if (!content_) return {};
  return std::span(content_->items).subspan(left_out_);
}
std::uint64_t page::total_results() const noexcept {
  return content_ ? content_->total_results : 0;
}
std::uint64_t page::page_size() const noexcept { return content_ ? content_->page_size : 0; }
bool page::is_last() const noexcept { return !content_ || content_->cursor.empty(); }

result<page, page_errc> parse_page(std::string body) {
  const auto read = std::make_shared<page::content>();
  read->body = std::move(body);
  if (!read->read_body()) return failure{page_errc::not_a_page};
  page made;
  made.content_ = read;
  return made;
}

pages::iterator::iterator(blocking_client& by, page_walk& walk) : by_(&by), walk_(&walk) {
  ++*this;
}

pages::iterator& pages::iterator::operator++() {
  if (walk_->is_done() || (current_ && !*current_)) {
    current_.reset();
    return *this;
  }
  auto request = walk_->next_request();
  if (!request) {
    current_ = failure{page_failure{page_errc::bad_target}};
    return *this;
  }
  current_ = walk_->take(by_->send(*request));
  return *this;
}

pages::iterator::iterator(blocking_client& by, page_walk& walk, page taken)
    : by_(&by), walk_(&walk), current_(std::move(taken)) {}

items::iterator::iterator(blocking_client& by, page_walk& walk)
    : walk_(&walk),
      page_(walk.has_unhandled() ? pages::iterator(by, walk, *walk.last_)
                                 : pages::iterator(by, walk)),
      index_(walk.handled_) {
  settle();
}

items::iterator& items::iterator::operator++() {
  if (!*current_) {
    current_.reset();
    return *this;
  }
  walk_->handled(index_++);
  settle();
  return *this;
}

void items::iterator::settle() {
  for (;; ++page_, index_ = 0) {
    if (page_ == detail::end_of_walk()) {
      current_.reset();
      return;
    }
    if (!*page_) {
      current_ = failure{page_->error()};
      return;
    }
    if (index_ < (*page_)->size()) {
      current_ = item{(**page_)[index_], **page_};
      return;
    }
  }
}

std::string_view to_string(page_errc e) noexcept {
  switch (e) {
    case page_errc::no_success: return "no_success";
    case page_errc::not_a_page: return "not_a_page";
    case page_errc::cursor_repeated: return "cursor_repeated";
    case page_errc::bad_target: return "bad_target";
    case page_errc::damaged: return "damaged";
  }
  return "unknown";
}

}  // namespace parley::client
