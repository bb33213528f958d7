// SPDX-License-Identifier: Apache-2.0
#include "sandbox/webhooks.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include "parley/beast/client.hpp"
#include "parley/client/uuid.hpp"
#include "parley/webhook/secret.hpp"
#include "parley/webhook/signer.hpp"
#include "sandbox/webhook_url.hpp"

namespace parley::sandbox {
namespace {

namespace asio = boost::asio;

// A clock of the user's own may stand still while ours runs: it is looked at so often.
constexpr std::chrono::milliseconds look_again{20};
constexpr std::chrono::milliseconds look_max{60'000};

envelope::error invalid(std::string_view field, std::string explanation) {
  return envelope::error(errors::code::validation_error)
      .with_message("This is no webhook.")
      .with_field(std::string(field), std::move(explanation));
}

std::string base64(const std::array<std::byte, 32>& bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? std::to_integer<unsigned>(bytes[at]) : 0u;
    };
    const unsigned group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (const unsigned shift : {18u, 12u, 6u, 0u}) text += digits[(group >> shift) & 63];
  }
  text.back() = '=';  // 32 bytes are ten groups and two thirds
  return text;
}

std::optional<std::string> make_secret() {
  std::array<std::byte, 32> bytes;
  for (std::size_t half = 0; half < 2; ++half) {
    const auto random = client::random_block();
    if (!random) return std::nullopt;
    std::ranges::copy(*random, bytes.begin() + static_cast<std::ptrdiff_t>(half * 16));
  }
  return std::string(webhook::secret_prefix) + base64(bytes);
}

}  // namespace

class webhooks::impl : public std::enable_shared_from_this<impl> {
 public:
  impl(const manual_clock& clock, make_body body) : clock_(clock), body_(std::move(body)) {}

  result<webhook_endpoint, envelope::error> set(std::string_view scope, std::string url,
                                                std::string secret) {
    if (url.size() > webhook_url_bytes_max) {
      return failure{
          invalid("url", "Expected at most " + std::to_string(webhook_url_bytes_max) + " bytes")};
    }
    const auto parts = parse_webhook_url(url);
    if (!parts) return failure{invalid("url", "Expected http:// or https:// and a host")};
    const std::lock_guard lock(mutex_);
    const auto found = targets_.find(scope);
    if (found == targets_.end() && targets_.size() >= webhooks_max) {
      return failure{invalid("url", "There are too many webhooks")};
    }
    if (secret.empty() && found != targets_.end()) secret = found->second->shown.secret;
    if (secret.empty()) {
      auto made = make_secret();
      if (!made) return failure{envelope::error(errors::code::internal_error)};
      secret = *std::move(made);
    }
    auto key = webhook::secret::parse(secret);
    if (!key) {
      return failure{invalid("secret", "Expected whsec_ and the base64 of 24 to 64 bytes")};
    }
    if (!pool_) pool_.emplace(1);
    auto way = beast::async_client::make(pool_->get_executor(),
                                         {.transport = {.base_url = parts->base,
                                                        .connections_max = 4,
                                                        .connect_timeout = webhook_timeout,
                                                        .body_bytes_max = 64 << 10}});
    if (!way) return failure{invalid("url", std::move(way).error().what)};
    auto made = std::make_shared<target>(target{{std::move(url), std::move(secret)},
                                                parts->target,
                                                {},
                                                *webhook::signer::make({*std::move(key)}),
                                                *std::move(way)});
    webhook_endpoint shown = made->shown;
    targets_.insert_or_assign(std::string(scope), std::move(made));
    return shown;
  }

  std::optional<webhook_endpoint> find(std::string_view scope) const {
    const std::lock_guard lock(mutex_);
    const auto found = targets_.find(scope);
    if (found == targets_.end()) return std::nullopt;
    return found->second->shown;
  }

  bool remove(std::string_view scope) {
    const std::lock_guard lock(mutex_);
    const auto found = targets_.find(scope);
    if (found == targets_.end()) return false;
    queue_.forget(scope);
    std::erase_if(on_their_way_,
                  [&found](const auto& each) { return each.second == found->second; });
    targets_.erase(found);
    return true;
  }

  void add(std::string scope, std::string call_id, time_point ended_at,
           const delivery_fault& fault) {
    const std::lock_guard lock(mutex_);
    if (!targets_.contains(scope)) return;
    std::string id = "evt_" + call_id;  // of a call there is one
    queue_.add(std::move(id), std::move(scope), std::move(call_id), ended_at, fault);
    wait();
  }

  void hasten(std::string_view call_id, time_point ended_at) {
    const std::lock_guard lock(mutex_);
    queue_.hasten(call_id, ended_at);
    wait();
  }

  void look() {
    const std::lock_guard lock(mutex_);
    wait();
  }

  webhook_status status(std::size_t listed_max) const {
    const std::lock_guard lock(mutex_);
    webhook_status now{targets_.size(), queue_.counts(), {}};
    for (const auto& [scope, to] : targets_) {
      if (now.listed.size() == listed_max) break;
      now.listed.push_back({scope, to->shown.url, to->last_attempt});
    }
    return now;
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    queue_.clear();
    targets_.clear();
    on_their_way_.clear();
  }

  void end() {
    {
      const std::lock_guard lock(mutex_);
      has_ended_ = true;
      timer_.reset();
      queue_.clear();
      targets_.clear();
      on_their_way_.clear();
    }
    if (pool_) pool_->join();
  }

 private:
  struct target {
    webhook_endpoint shown;
    std::string path;
    std::string last_attempt;  // under the lock
    webhook::signer signer;
    beast::async_client way;
  };

  // Sets the timer to what is due next, unless it comes before: a clock that is moved all the time
  // must not put it off. Under the lock.
  void wait() {
    if (has_ended_ || !pool_) return;
    const auto due = queue_.next_due();
    if (!due) return;
    if (!timer_) timer_.emplace(*pool_);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - clock_.now());
    const auto at = std::chrono::steady_clock::now() +
                    (left.count() <= 0 ? left.zero() : std::clamp(left, look_again, look_max));
    if (is_armed_ && timer_->expiry() <= at) return;
    timer_->expires_at(at);
    is_armed_ = true;
    timer_->async_wait([self = weak_from_this()](const boost::system::error_code& cancelled) {
      if (cancelled) return;
      if (const auto by = self.lock()) by->send_due();
    });
  }

  void send_due() {
    struct sending {
      std::shared_ptr<target> to;
      delivery_queue::attempt what;
    };
    std::vector<sending> all;
    const time_point now = clock_.now();
    {
      const std::lock_guard lock(mutex_);
      is_armed_ = false;
      if (has_ended_) return;
      for (delivery_queue::attempt& each : queue_.take_due(now)) {
        const auto found = targets_.find(each.scope);
        if (found == targets_.end()) continue;  // forgotten with its scope
        on_their_way_.emplace(each.ticket, found->second);
        all.push_back({found->second, std::move(each)});
      }
    }
    for (sending& each : all) {
      send(*each.to, std::move(each.what), now);
      each.to.reset();
    }
    look();
  }

  void send(target& to, delivery_queue::attempt what, time_point now) {
    auto body = body_(what, now);
    if (!body) {
      const std::lock_guard lock(mutex_);
      on_their_way_.erase(what.ticket);
      return queue_.give_up(what);
    }
    // The receiver's clock is real, whatever the sandbox's is moved to.
    const auto signed_at = std::chrono::floor<std::chrono::seconds>(clock_.real_now());
    const auto headers = to.signer.sign(what.id, signed_at, *body);
    if (!headers) {  // a clock of the user's own, before 1970
      return attempted(what, false, "not signed: " + std::string(to_string(headers.error())));
    }
    client::request request{
        .method = "POST",
        .target = to.path,
        .headers = {{"Content-Type", "application/json"}, {"User-Agent", "parley-sandbox"}},
        .body = *std::move(body)};
    for (const webhook::header_view& each : headers->all()) {
      request.headers.push_back({std::string(each.name), std::string(each.value)});
    }
    // The handler does not hold the target, whose end is to cancel it.
    to.way.async_exchange(
        std::move(request), webhook_timeout,
        [self = weak_from_this(), what = std::move(what)](const beast::async_client::outcome& got) {
          const auto by = self.lock();
          if (!by) return;
          if (!got) return by->attempted(what, false, got.error().what);
          const bool is_taken = got->status >= 200 && got->status <= 299;
          by->attempted(what, is_taken, std::to_string(got->status));
        });
  }

  void attempted(const delivery_queue::attempt& what, bool is_taken, std::string outcome) {
    const std::lock_guard lock(mutex_);
    if (const auto found = on_their_way_.find(what.ticket); found != on_their_way_.end()) {
      found->second->last_attempt = std::move(outcome);
      on_their_way_.erase(found);
    }
    queue_.attempted(what, is_taken, clock_.now());
    wait();
  }

  const manual_clock& clock_;
  const make_body body_;
  mutable std::mutex mutex_;
  bool has_ended_ = false;
  std::optional<asio::thread_pool> pool_;
  std::optional<asio::steady_timer> timer_;  // of the pool
  bool is_armed_ = false;
  delivery_queue queue_;
  std::map<std::string, std::shared_ptr<target>, std::less<>> targets_;
  // By ticket: a target that was replaced ends with the last attempt on its way there.
  std::map<std::uint64_t, std::shared_ptr<target>> on_their_way_;
};

webhooks::webhooks(const manual_clock& clock, make_body body)
    : impl_(std::make_shared<impl>(clock, std::move(body))) {}
webhooks::~webhooks() { impl_->end(); }

result<webhook_endpoint, envelope::error> webhooks::set(std::string_view scope, std::string url,
                                                        std::string secret) {
  return impl_->set(scope, std::move(url), std::move(secret));
}
std::optional<webhook_endpoint> webhooks::find(std::string_view scope) const {
  return impl_->find(scope);
}
bool webhooks::remove(std::string_view scope) { return impl_->remove(scope); }
void webhooks::add(std::string scope, std::string call_id, time_point ended_at,
                   const delivery_fault& fault) {
  impl_->add(std::move(scope), std::move(call_id), ended_at, fault);
}
void webhooks::hasten(std::string_view call_id, time_point ended_at) {
  impl_->hasten(call_id, ended_at);
}
void webhooks::look() { impl_->look(); }
webhook_status webhooks::status(std::size_t listed_max) const { return impl_->status(listed_max); }
void webhooks::clear() { impl_->clear(); }

}  // namespace parley::sandbox
