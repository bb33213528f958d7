// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/scripts.hpp"

#include <openssl/evp.h>

#include <cstdlib>

namespace parley::idempotency_redis {
namespace {

// An empty string is no record of ours, though GETRANGE does not tell it from none. Lua counts
// bytes from 1: the state is byte 1, the nonce 2-17, the version 18, the lease 27-30, the retention
// 31-34, the size of the operation id 51 (record.hpp).

// ARGV: the value found, the new one, its retention, 1 if a marked one may be rerun. The lease is
// judged by the TTL, that is by the server's clock alone; a record without one is not ours.
constexpr std::string_view take_over = R"(
local v = redis.call('GET', KEYS[1])
if v ~= ARGV[1] then return v end
local s = string.byte(v, 1)
if s == 1 or s == 2 then
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 then return -2 end
  local lease = struct.unpack('>I4', string.sub(v, 27, 30))
  local retention = struct.unpack('>I4', string.sub(v, 31, 34))
  lease = lease - (retention - left)
  if lease > 0 then return lease end
  if s == 2 and ARGV[4] ~= '1' then return 0 end
elseif s ~= 4 then
  return -2
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return -1
)";

// ARGV: head of a running record (state, nonce, version), record, retention, and one more word
// where a record that is gone is not to be written. This is most of what a server does for us:
// numbers are given as texts, since Lua's are printed and read again at every call.
constexpr std::string_view complete = R"(
local call, key = redis.call, KEYS[1]
local h = call('GETRANGE', key, '0', '17')
if h ~= ARGV[1] then
  if #h == 0 then
    if call('EXISTS', key) == 1 then return 5 end
    if ARGV[4] then return 4 end
  else
    local s = string.byte(h, 1)
    if #h < 18 or string.byte(h, 18) ~= 1 or s < 1 or s > 4 then return 5 end
    if string.sub(h, 2) ~= string.sub(ARGV[1], 2) then return 3 end
    if s == 3 then return 2 end
    if s == 4 then return 3 end
  end
end
call('SET', key, ARGV[2], 'PX', ARGV[3])
return 1
)";

// ARGV: as those of complete. It never deletes: a late duplicate of the claim has to find that
// it is over.
constexpr std::string_view release = R"(
local call, key = redis.call, KEYS[1]
local h = call('GETRANGE', key, '0', '17')
if h ~= ARGV[1] then
  if #h == 0 then
    if call('EXISTS', key) == 1 then return 5 end
  else
    local s = string.byte(h, 1)
    if #h < 18 or string.byte(h, 18) ~= 1 or s < 1 or s > 4 then return 5 end
    if string.sub(h, 2) ~= string.sub(ARGV[1], 2) then return 3 end
    if s == 4 then return 2 end
    if s == 3 then return 3 end
  end
end
call('SET', key, ARGV[2], 'PX', ARGV[3])
return 1
)";

// ARGV: nonce, lease as it stands in the record.
constexpr std::string_view renew = R"(
local h = redis.call('GETRANGE', KEYS[1], '0', '33')
if #h == 0 then return redis.call('EXISTS', KEYS[1]) == 1 and 5 or 4 end
local s = string.byte(h, 1)
if #h < 34 or string.byte(h, 18) ~= 1 or s < 1 or s > 4 then return 5 end
if string.sub(h, 2, 17) ~= ARGV[1] or s > 2 then return 3 end
if string.sub(h, 27, 30) ~= ARGV[2] then redis.call('SETRANGE', KEYS[1], '26', ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], (struct.unpack('>I4', string.sub(h, 31, 34))))
return 1
)";

// ARGV: nonce, size of the note as it stands in the record, note.
constexpr std::string_view mark = R"(
local v = redis.call('GET', KEYS[1])
if not v then return 4 end
local s = string.byte(v, 1)
if #v < 53 or string.byte(v, 18) ~= 1 or s < 1 or s > 4 then return 5 end
if string.sub(v, 2, 17) ~= ARGV[1] or s > 2 then return 3 end
if s == 2 then return 2 end
local id = string.sub(v, 54, 53 + string.byte(v, 51))
redis.call('SET', KEYS[1], '\2' .. string.sub(v, 2, 51) .. ARGV[2] .. id .. ARGV[3], 'KEEPTTL')
return 1
)";

// ARGV: state and nonce. Writes what is there: WAIT waits for what its own connection has written,
// and an operation that was sent again may find it all done.
constexpr std::string_view touch = R"(
if redis.call('GETRANGE', KEYS[1], '0', '16') ~= ARGV[1] then return 3 end
redis.call('SETRANGE', KEYS[1], '0', ARGV[1])
return 1
)";

}  // namespace

std::string_view text_of(script s) noexcept {
  switch (s) {
    case script::take_over: return take_over;
    case script::complete: return complete;
    case script::release: return release;
    case script::renew: return renew;
    case script::mark: return mark;
    case script::touch: return touch;
  }
  return {};
}

script_names::script_names() {
  for (std::size_t i = 0; i < script_count; ++i) {
    const std::string_view text = text_of(static_cast<script>(i));
    std::array<unsigned char, 20> hash;
    if (EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha1(), nullptr) != 1) {
      std::abort();  // there is no SHA-1: no server would know a script
    }
    constexpr char digits[] = "0123456789abcdef";
    for (std::size_t b = 0; b < hash.size(); ++b) {
      names_[i][2 * b] = digits[hash[b] >> 4];
      names_[i][2 * b + 1] = digits[hash[b] & 15];
    }
  }
}

}  // namespace parley::idempotency_redis
