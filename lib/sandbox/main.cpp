// SPDX-License-Identifier: Apache-2.0
//
// parley-sandbox: the emulated call API as a program. Prints one line on standard output when it is
// ready; SIGTERM and SIGINT drain it, and a second one ends it at once.

#include <getopt.h>
#include <pthread.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "parley/core/version.hpp"
#include "parley/sandbox/sandbox.hpp"

namespace {

constexpr const char* usage =
    "Usage: parley-sandbox [options]\n"
    "Emulates the call API over HTTP until SIGTERM or SIGINT.\n"
    "\n"
    "  --host ADDRESS          IPv4 or IPv6 address to listen on (127.0.0.1)\n"
    "  --port N                port to listen on; 0: any that is free (0)\n"
    "  --threads N             event loops, 1 to 1024 (2)\n"
    "  --store WHERE           idempotency records: memory, or a Redis server that sandboxes "
    "share,\n"
    "                          redis://HOST:PORT/DATABASE, rediss:// or unix:///SOCKET (memory).\n"
    "                          The sandbox's clock does not move records in Redis; they keep the\n"
    "                          server's time\n"
    "  --digest-key-file FILE  all of FILE, at least 32 bytes, is the key under which records are\n"
    "                          known; the same for all that share them (a published one, which is\n"
    "                          good enough for a sandbox and nothing else)\n"
    "  --rate-limit N          requests a second that each API key may send, 1 to 1000000 (no "
    "limit)\n"
    "  --calls-at-once N       calls that each API key may have in progress (no limit)\n"
    "  --seed N                call ids and request ids follow from it (none: the time and "
    "random)\n"
    "  --help                  print this\n"
    "  --version               print the version\n";

constexpr std::size_t digest_key_bytes_max = 65'536;

// None: it cannot be read, or is too large.
std::optional<std::string> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string made(digest_key_bytes_max + 1, '\0');
  file.read(made.data(), static_cast<std::streamsize>(made.size()));
  if (!file.eof()) return std::nullopt;
  made.resize(static_cast<std::size_t>(file.gcount()));
  return made;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int bad_usage(const char* what, const char* value) {
  std::fprintf(stderr, "parley-sandbox: %s: %s\nTry parley-sandbox --help\n", what, value);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  parley::sandbox::options options;
  options.server.threads = 2;

  constexpr option names[] = {{"host", required_argument, nullptr, 'h'},
                              {"port", required_argument, nullptr, 'p'},
                              {"threads", required_argument, nullptr, 't'},
                              {"help", no_argument, nullptr, '?' + 1},
                              {"store", required_argument, nullptr, 's'},
                              {"digest-key-file", required_argument, nullptr, 'd'},
                              {"rate-limit", required_argument, nullptr, 'r'},
                              {"calls-at-once", required_argument, nullptr, 'c'},
                              {"seed", required_argument, nullptr, 'n'},
                              {"version", no_argument, nullptr, 'v'},
                              {nullptr, 0, nullptr, 0}};
  for (int name = 0; (name = getopt_long(argc, argv, "", names, nullptr)) != -1;) {
    switch (name) {
      case 'h': options.server.address = optarg; break;
      case 'p':
        if (const auto port = parse_number<std::uint16_t>(optarg)) {
          options.server.port = *port;
          break;
        }
        return bad_usage("not a port", optarg);
      case 't':
        if (const auto threads = parse_number<unsigned>(optarg)) {
          options.server.threads = *threads;
          break;
        }
        return bad_usage("not a number of threads", optarg);
      case 's': options.store = optarg; break;
      case 'd':
        if (auto key = read_file(optarg); key && !key->empty()) {
          options.digest_key = *std::move(key);
          break;
        }
        return bad_usage("not a file with a digest key", optarg);
      case 'r':
        if (const auto rate = parse_number<std::uint32_t>(optarg); rate && *rate > 0) {
          options.rate_limit = *rate;
          break;
        }
        return bad_usage("not a number of requests a second", optarg);
      case 'c':
        if (const auto calls = parse_number<std::uint32_t>(optarg); calls && *calls > 0) {
          options.calls_at_once = *calls;
          break;
        }
        return bad_usage("not a number of calls", optarg);
      case 'n':
        if (const auto seed = parse_number<std::uint64_t>(optarg)) {
          options.seed = seed;
          break;
        }
        return bad_usage("not a seed", optarg);
      case '?' + 1: std::fputs(usage, stdout); return 0;
      case 'v':
        std::printf("%.*s\n", static_cast<int>(parley::version.size()), parley::version.data());
        return 0;
      default: return 2;  // getopt_long has said what is wrong
    }
  }
  if (optind < argc) return bad_usage("not an option", argv[optind]);

  // Blocked before any thread starts, so that none of them is interrupted and sigwait sees them
  // all.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto sandbox = parley::sandbox::start(options);
  if (!sandbox) {
    std::fprintf(stderr, "parley-sandbox: %s\n", sandbox.error().what.c_str());
    return 1;
  }
  std::printf("listening on %s\n", sandbox->url().c_str());
  std::fflush(stdout);

  int received = 0;
  sigwait(&signals, &received);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  sandbox->drain(std::chrono::seconds(10));
  return 0;
}
