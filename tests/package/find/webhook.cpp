// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <utility>

#include <parley/webhook/secret.hpp>
#include <parley/webhook/signer.hpp>
#include <parley/webhook/verifier.hpp>

int main() {
  namespace webhook = parley::webhook;
  auto signing = webhook::secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  auto verifying = webhook::secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  if (!signing || !verifying) return 1;
  const auto signer = webhook::signer::make({*std::move(signing)});
  const auto verifier = webhook::verifier::make({*std::move(verifying)});
  if (!signer || !verifier) return 1;
  const webhook::seconds_time now{std::chrono::seconds(1'767'225'600)};
  const auto headers = signer->sign("evt_1", now, "{}");
  return verifier->verify(headers->all(), "{}", now) && !verifier->verify(headers->all(), "", now)
             ? 0
             : 1;
}
