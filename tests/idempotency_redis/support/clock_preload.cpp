// SPDX-License-Identifier: Apache-2.0
//
// Loaded into a redis-server before its libraries (LD_PRELOAD): the time of day is then what a file
// says, in microseconds since 1970. Redis judges every TTL by it, and by nothing else.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

const volatile std::int64_t* map_clock() {
  const char* const name = std::getenv("PARLEY_CLOCK_FILE");
  if (name == nullptr) std::abort();
  const int file = ::open(name, O_RDONLY | O_CLOEXEC);
  void* const mapped = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) std::abort();
  ::close(file);
  return static_cast<const volatile std::int64_t*>(mapped);
}

}  // namespace

extern "C" int gettimeofday(timeval* now, void*) noexcept {
  static const volatile std::int64_t* const clock = map_clock();
  const std::int64_t us = *clock;
  now->tv_sec = static_cast<time_t>(us / 1'000'000);
  now->tv_usec = static_cast<suseconds_t>(us % 1'000'000);
  return 0;
}
