// SPDX-License-Identifier: Apache-2.0
//
// parley-sandbox as a process.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "parley/core/version.hpp"
#include "support/raw_client.hpp"

extern char** environ;

namespace parley::sandbox {
namespace {

// A child with its output in a pipe; killed if a test forgets it.
class process {
 public:
  explicit process(std::vector<std::string> arguments) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    arguments.insert(arguments.begin(), PARLEY_SANDBOX_PROGRAM);
    std::vector<char*> argv;
    for (std::string& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    // A shell ignores SIGINT in what it runs in the background, and that would be inherited.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t by_default;
    sigemptyset(&by_default);
    sigaddset(&by_default, SIGINT);
    posix_spawnattr_setsigdefault(&attributes, &by_default);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    if (::posix_spawn(&pid_, argv[0], &actions, &attributes, argv.data(), environ) != 0) {
      std::abort();
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
    ::close(output_);
  }

  /// The next line of output, without its end; empty at the end.
  std::string read_line() {
    std::string line;
    for (char c; ::read(output_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  void signal(int number) { ::kill(pid_, number); }
  /// The exit status; minus the signal where one ended it.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

std::uint16_t port_of(const std::string& line) {
  const std::string prefix = "listening on http://127.0.0.1:";
  EXPECT_TRUE(line.starts_with(prefix)) << line;
  if (!line.starts_with(prefix)) return 0;
  return static_cast<std::uint16_t>(std::atoi(line.substr(prefix.size()).c_str()));
}

using testing_support::raw_client;

TEST(SandboxProgram, SaysWhereItListensAndDrainsOnSigterm) {
  for (const int signal : {SIGTERM, SIGINT}) {
    process sandbox({"--port", "0", "--threads", "2"});
    raw_client client(port_of(sandbox.read_line()));
    const auto response =
        client.roundtrip("GET /sandbox/magic HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 200);
    sandbox.signal(signal);
    EXPECT_TRUE(client.reads_end());
    EXPECT_EQ(sandbox.wait(), 0);
  }
}

TEST(SandboxProgram, FinishesTheRequestUnderWay) {
  process sandbox({});
  const std::uint16_t port = port_of(sandbox.read_line());
  raw_client client(port);
  const std::string request =
      "POST /v1/calls/dial HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n"
      "Content-Type: application/json\r\nContent-Length: 57\r\n\r\n"
      R"({"from_number":"+14155551234","to_number":"+14155556789"})";
  client.send(request.substr(0, 100));
  // Once a later connection to the same event loop is answered, the first has been looked at.
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(
        raw_client(port).roundtrip("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").has_value());
  }
  sandbox.signal(SIGTERM);
  while (raw_client(port).is_connected()) {  // until it has begun to drain
  }
  client.send(request.substr(100));
  const auto response = client.read();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 202);
  EXPECT_EQ(response->header("Connection"), "close");
  EXPECT_EQ(sandbox.wait(), 0);
}

// A call that hangs by way of a fault is no request that a drain waits for.
TEST(SandboxProgram, DrainsWhileARequestHangs) {
  process sandbox({"--threads", "1"});
  const std::uint16_t port = port_of(sandbox.read_line());
  raw_client client(port);
  client.send(
      "GET /v1/calls HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n"
      "X-Sandbox-Force: hang\r\n\r\n");
  const auto is_journaled = [port] {
    return raw_client(port)
               .ask("GET /sandbox/requests HTTP/1.1\r\nHost: localhost\r\n\r\n")
               .body.find("\"fault\":\"hang\"") != std::string::npos;
  };
  while (!is_journaled()) {
  }
  sandbox.signal(SIGTERM);
  EXPECT_TRUE(client.reads_end());
  EXPECT_EQ(sandbox.wait(), 0);
}

TEST(SandboxProgram, TakesLimitsAndASeed) {
  const std::string list =
      "GET /v1/calls HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n\r\n";
  const std::string body = R"({"from_number":"+14155551234","to_number":"+14155556789"})";
  const std::string dial =
      "POST /v1/calls/dial HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n"
      "Content-Type: application/json\r\nContent-Length: 57\r\n\r\n" +
      body;
  process first({"--seed", "7"});
  process second({"--seed", "7"});
  raw_client to_first(port_of(first.read_line()));
  raw_client to_second(port_of(second.read_line()));
  for (int i = 0; i < 3; ++i) {
    const auto one = to_first.ask(dial);
    const auto other = to_second.ask(dial);
    EXPECT_EQ(one.status, 202);
    EXPECT_EQ(one.body, other.body);
    EXPECT_EQ(one.header("X-Request-Id"), other.header("X-Request-Id"));
  }
  process limited({"--rate-limit", "1"});
  raw_client to_limited(port_of(limited.read_line()));
  int status = 200;
  while (status == 200) status = to_limited.ask(list).status;
  EXPECT_EQ(status, 429);
  process busy({"--calls-at-once", "1"});
  raw_client to_busy(port_of(busy.read_line()));
  do {
    status = to_busy.ask(dial).status;
  } while (status == 202);
  EXPECT_EQ(status, 429);
}

TEST(SandboxProgram, EndsAtOnceOnASecondSignal) {
  process sandbox({});
  const std::uint16_t port = port_of(sandbox.read_line());
  raw_client client(port);
  client.send("GET /half");
  // Once later connections to each event loop are answered, the first has been looked at.
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(
        raw_client(port).roundtrip("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").has_value());
  }
  sandbox.signal(SIGTERM);
  while (raw_client(port).is_connected()) {  // until it has begun to drain
  }
  sandbox.signal(SIGINT);
  const int ended = sandbox.wait();
  EXPECT_EQ(ended, -SIGINT);
}

TEST(SandboxProgram, ExplainsItself) {
  process help({"--help"});
  EXPECT_EQ(help.read_line(), "Usage: parley-sandbox [options]");
  EXPECT_EQ(help.wait(), 0);
  process version({"--version"});
  EXPECT_EQ(version.read_line(), parley::version);
  EXPECT_EQ(version.wait(), 0);
}

TEST(SandboxProgram, RefusesArgumentsThatItDoesNotKnow) {
  const std::vector<std::vector<std::string>> cases = {{"--nonsense"},
                                                       {"--port", "65536"},
                                                       {"--port", "-1"},
                                                       {"--port", "80x"},
                                                       {"--port", ""},
                                                       {"--threads", "x"},
                                                       {"more"},
                                                       {"--port"},
                                                       {"--threads", "-1"},
                                                       {"--rate-limit", "0"},
                                                       {"--rate-limit", "1.5"},
                                                       {"--rate-limit", "4294967296"},
                                                       {"--calls-at-once", "0"},
                                                       {"--calls-at-once", "x"},
                                                       {"--seed", "-1"},
                                                       {"--seed", "18446744073709551616"},
                                                       {"--seed", ""}};
  for (const auto& each : cases) {
    process sandbox(each);
    EXPECT_NE(sandbox.read_line(), "") << each.front();
    EXPECT_EQ(sandbox.wait(), 2) << each.front();
  }
}

TEST(SandboxProgram, SaysWhyItCannotListen) {
  process taken({});
  const std::uint16_t port = port_of(taken.read_line());
  process sandbox({"--port", std::to_string(port)});
  EXPECT_EQ(sandbox.read_line(), "parley-sandbox: cannot listen on 127.0.0.1:" +
                                     std::to_string(port) + ": Address already in use");
  EXPECT_EQ(sandbox.wait(), 1);
  process bad_host({"--host", "not an address"});
  EXPECT_EQ(bad_host.read_line(), "parley-sandbox: not an IP address: not an address");
  EXPECT_EQ(bad_host.wait(), 1);
  process bad_rate({"--rate-limit", "1000001"});
  EXPECT_EQ(bad_rate.read_line(),
            "parley-sandbox: the rate limit is at most 1000000 requests a second");
  EXPECT_EQ(bad_rate.wait(), 1);
  process bad_threads({"--threads", "0"});
  EXPECT_EQ(bad_threads.read_line(), "parley-sandbox: threads must be 1 to 1024");
  EXPECT_EQ(bad_threads.wait(), 1);
}

}  // namespace
}  // namespace parley::sandbox
