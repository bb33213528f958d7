// SPDX-License-Identifier: Apache-2.0
//
// For each line of standard input, `secret id timestamp now body signatures` with blanks between
// them, the body in hex behind an x, a line: what the verifier says of it, a blank, and the
// signature that the signer makes of the same secret, id, timestamp and body.

#include <chrono>
#include <cstddef>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "parley/webhook/secret.hpp"
#include "parley/webhook/signer.hpp"
#include "parley/webhook/verifier.hpp"

namespace webhook = parley::webhook;

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string text, id, timestamp, hex, signatures;
    long long now = 0;
    words >> text >> id >> timestamp >> now >> hex >> std::ws;
    std::getline(words, signatures);
    std::string body;
    for (std::size_t i = 1; i + 1 < hex.size(); i += 2) {
      body += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    auto secret = webhook::secret::parse(text);
    auto same = webhook::secret::parse(text);
    if (!secret || !same) {
      std::cerr << "no secret: " << text << '\n';
      return 1;
    }
    const auto verifier = webhook::verifier::make({*std::move(secret)});
    const auto signer = webhook::signer::make({*std::move(same)});
    const auto at = [](long long seconds) {
      return webhook::seconds_time(std::chrono::seconds(seconds));
    };
    const auto got = verifier->verify({.id = id, .timestamp = timestamp, .signature = signatures},
                                      body, at(now));
    const auto made = signer->sign(id, at(std::stoll(timestamp)), body);
    if (!made) {
      std::cerr << "not signed: " << line << '\n';
      return 1;
    }
    std::cout << (got ? "accepted" : to_string(got.error())) << ' ' << made->signature() << '\n';
  }
  return 0;
}
