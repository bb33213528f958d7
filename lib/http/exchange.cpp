// SPDX-License-Identifier: Apache-2.0
#include "parley/http/exchange.hpp"

#include <cassert>
#include <utility>

#include "parley/http/service.hpp"

namespace parley::http {

exchange::~exchange() = default;

void exchange::finish(response&& r) noexcept {
  service_->complete(r, &request_, route_, request_id_, handler_ran_);
  send(std::move(r));
}

responder& responder::operator=(responder&& other) noexcept {
  if (this != &other) {
    responder old(std::exchange(to_, std::move(other.to_)));
  }
  return *this;
}

responder::~responder() {
  if (to_) std::move(*this).send({.status = 0});
}

void responder::send(response r) && noexcept {
  assert(to_ && "a request is answered once");
  // Taken out first: whatever send() does, a second answer finds nothing to answer.
  if (const auto to = std::move(to_)) to->finish(std::move(r));
}

}  // namespace parley::http
