// SPDX-License-Identifier: Apache-2.0

#ifndef PARLEY_LIB_HTTP_TEXT_HPP
#define PARLEY_LIB_HTTP_TEXT_HPP

#include "core/http_text.hpp"

namespace parley::http {

using namespace http_text;

}  // namespace parley::http

#endif  // PARLEY_LIB_HTTP_TEXT_HPP
