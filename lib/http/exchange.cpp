// SPDX-License-Identifier: Apache-2.0
#include "parley/http/exchange.hpp"

#include <cassert>
#include <utility>

#include "parley/http/service.hpp"

namespace parley::http {

exchange::~exchange() = default;

responder exchange::make_responder(std::shared_ptr<exchange> e) noexcept {
  return responder(std::move(e));
}

void exchange::finish(response&& r) noexcept {
  // An exchange of intercept() has no service: what it passes on is finished outside.
  if (service_ != nullptr) service_->complete(r, this);
  send(std::move(r));
}

responder& responder::operator=(responder&& other) noexcept {
  if (this != &other) {
    responder old(std::exchange(to_, std::move(other.to_)));
  }
  return *this;
}

responder::~responder() {
  if (to_) std::move(*this).send({.status = no_answer});
}

void responder::send(response r) && noexcept {
  assert(to_ && "a request is answered once");
  // Taken out first: whatever send() does, a second answer finds nothing to answer.
  if (const auto to = std::move(to_)) to->finish(std::move(r));
}

}  // namespace parley::http
