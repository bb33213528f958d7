// SPDX-License-Identifier: Apache-2.0
//
// Deliveries and their signatures. `Published` stands in the tests of the libraries that Standard
// Webhooks publishes (github.com/standard-webhooks/standard-webhooks, libraries/). The others were
// computed by Python's hmac and hashlib, and again by
//   printf '%s.%s.' $id $timestamp | cat - body |
//     openssl dgst -sha256 -mac HMAC -macopt hexkey:$secret -binary | openssl base64 -A

#ifndef PARLEY_TESTS_WEBHOOK_VECTORS_HPP
#define PARLEY_TESTS_WEBHOOK_VECTORS_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::webhook {

struct vector_case {
  const char* name;
  std::string_view secret;
  std::string id;
  std::int64_t timestamp;
  std::string body;
  std::string_view signature;
};

inline std::string every_byte() {
  std::string made;
  for (int i = 0; i < 256; ++i) made += static_cast<char>(i);
  return made;
}

inline std::vector<vector_case> vector_cases() {
  constexpr std::string_view longest =
      "whsec_wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/"
      "w==";
  constexpr std::string_view usual = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";
  return {
      {"Published", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
       1614265330, R"({"test": 2432232314})", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
      {"ShortestSecretNoBody", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "a", 0, "",
       "v1,N+Hx3edQLOlFWLC6mCr/sY5tyN1fcB3a/kg4SRyryWQ="},
      // What is signed has 55 and 56 bytes: HMAC goes through one more block.
      {"LongestSecretOneBlock", longest, "msg_1", 1700000000, std::string(38, 'b'),
       "v1,5/iFgpdSm8yk3qa2M+ymFszl7aJeqDQCgYLGLg4/CWM="},
      {"LongestSecretTwoBlocks", longest, "msg_1", 1700000000, std::string(39, 'b'),
       "v1,xmUk3dZWQWmHZiLM/hs+2Boal9Og46/dCs2Pbz9wfE8="},
      {"PunctuationAndDots",
       "whsec_////////////////////////////////////////////////////////////////////////////////////",
       "!#$%&'*+-^_`|~", 1, "1.2.3", "v1,YoXtNCuPW/QcO+M1q7WW7hiYR58FZGj+2kjO+Hrl2NM="},
      {"LongestIdLastTimeEveryByte", usual, std::string(256, 'i'), 999999999999, every_byte(),
       "v1,TV41K79GlYyXzWZ511vwUgoM2Gww0Nj5IEv4Nm2mRlQ="},
      {"OneMegabyte", usual, "msg_big", 1700000000, std::string(1'000'000, 'x'),
       "v1,kIst2S/BEJ0GReNAG3AfqjuOvLfjGldWDJjheCuIMwo="},
  };
}

}  // namespace parley::webhook

#endif  // PARLEY_TESTS_WEBHOOK_VECTORS_HPP
