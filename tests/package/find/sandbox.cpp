// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include <parley/sandbox/sandbox.hpp>

int main() {
  auto api = parley::sandbox::start();
  return api && api->url().starts_with("http://127.0.0.1:") && api->drain(std::chrono::seconds(1))
             ? 0
             : 1;
}
