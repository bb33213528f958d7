// SPDX-License-Identifier: Apache-2.0
#include "sandbox/webhook_url.hpp"

#include <algorithm>
#include <utility>

#include "parley/client/operation.hpp"

namespace parley::sandbox {

std::optional<webhook_url> parse_webhook_url(std::string_view url) {
  constexpr std::string_view separator = "://";
  const std::size_t scheme = url.find(separator);
  if (scheme == url.npos) return std::nullopt;
  const std::size_t end = std::min(url.find_first_of("/?#", scheme + separator.size()), url.size());
  std::string target(url.substr(end));
  if (!target.starts_with('/')) target.insert(target.begin(), '/');
  if (!client::operation::get(target)) return std::nullopt;
  return webhook_url{std::string(url.substr(0, end)), std::move(target)};
}

}  // namespace parley::sandbox
