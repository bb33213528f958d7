// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a path: no crash, and a parameter is what its own escapes say.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "parley/http/routes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley::http;
  static const routes table = [] {
    const auto nothing = [](const request_view&) { return response{}; };
    routes made;
    made.get("/v1/calls", nothing);
    made.post("/v1/calls/dial", nothing);
    made.get("/v1/calls/{id}", nothing);
    made.get("/v1/{room}/{id}/legs/{leg}", nothing);
    made.get("/{a}/{b}/{c}/{d}", nothing);
    return made;
  }();
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  std::string decoded;
  std::vector<path_parameter> parameters;
  const routes::match match = table.find(method::get, path, decoded, parameters);
  if (match.route == nullptr) return 0;
  if (path.front() != '/' || path.find("//") != std::string_view::npos) std::abort();
  for (const path_parameter& each : parameters) {
    if (each.value.data() < decoded.data() ||
        each.value.data() + each.value.size() > decoded.data() + decoded.size()) {
      std::abort();
    }
  }
  return 0;
}
