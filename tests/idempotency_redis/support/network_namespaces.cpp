// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/support/network_namespaces.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace parley::testing_support {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

// -1, with errno: it may not be made. It lives as long as the descriptor, or a process in it.
int make_namespace() {
  int made = -1;
  int error = 0;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) == 0) {
      made = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    }
    error = errno;
  }).join();
  errno = error;
  return made;
}

// What ip(8) has to say against the lines; empty: it has carried them out.
std::string run_ip(int network, const std::string& lines) {
  int input[2], output[2];
  if (::pipe2(input, O_CLOEXEC) != 0) fail("no pipe");
  if (::pipe2(output, O_CLOEXEC) != 0) fail("no pipe");
  const pid_t process = ::fork();
  if (process == 0) {
    if (::setns(network, CLONE_NEWNET) != 0) ::_exit(1);
    ::dup2(input[0], 0);
    for (const int each : {1, 2}) ::dup2(output[1], each);
    ::execlp("ip", "ip", "-batch", "-", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(input[0]);
  ::close(output[1]);
  // The lines are fewer than a pipe holds.
  const bool is_written =
      ::write(input[1], lines.data(), lines.size()) == static_cast<ssize_t>(lines.size());
  ::close(input[1]);
  std::string said;
  char bytes[512];
  for (ssize_t got; (got = ::read(output[0], bytes, sizeof bytes)) > 0;) {
    said.append(bytes, static_cast<std::size_t>(got));
  }
  ::close(output[0]);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return "ip (iproute2) is not installed";
  const bool is_done = is_written && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return is_done ? "" : "ip does not do it: " + said;
}

void ip(int network, const std::string& lines) {
  const std::string error = run_ip(network, lines);
  if (!error.empty()) fail(error);
}

std::string port_of(virtual_network::host host) { return "port" + std::to_string(host); }
std::string switch_of(std::size_t group) { return "switch" + std::to_string(group); }

}  // namespace

std::string virtual_network::why_not() {
  const int made = make_namespace();
  if (made < 0) return std::string("no network namespace can be made: ") + std::strerror(errno);
  const std::string error =
      run_ip(made, "link add switch0 type bridge\nlink add port0 type veth peer name port1\n");
  ::close(made);
  return error.empty() ? "" : "no network can be made in a namespace: " + error;
}

virtual_network::virtual_network() : hub_(make_namespace()) {
  if (hub_ < 0) fail(std::string("no network namespace: ") + std::strerror(errno));
  make_switch();
}

virtual_network::~virtual_network() {
  for (const int each : hosts_) ::close(each);
  ::close(hub_);
}

void virtual_network::make_switch() {
  const std::string name = switch_of(switches_++);
  ip(hub_, "link add " + name + " type bridge mcast_snooping 0\nlink set " + name + " up\n");
}

virtual_network::host virtual_network::add_host() {
  const int made = make_namespace();
  if (made < 0) fail(std::string("no network namespace: ") + std::strerror(errno));
  const host name = hosts_.size();
  hosts_.push_back(made);
  const std::string port = port_of(name);
  ip(hub_, "link add " + port + " type veth peer name eth0 netns /proc/" +
               std::to_string(::getpid()) + "/fd/" + std::to_string(made) + "\nlink set " + port +
               " master " + switch_of(0) + " up\n");
  ip(made, "addr add " + address(name) + "/24 dev eth0\nlink set lo up\nlink set eth0 up\n");
  return name;
}

std::string virtual_network::address(host of) const { return "10.0.0." + std::to_string(of + 1); }

void virtual_network::run_on(host where, const std::function<void()>& what) const {
  std::exception_ptr thrown;
  std::thread([&] {
    try {
      if (::setns(hosts_[where], CLONE_NEWNET) != 0) fail("the namespace cannot be entered");
      what();
    } catch (...) {
      thrown = std::current_exception();
    }
  }).join();
  if (thrown) std::rethrow_exception(thrown);
}

void virtual_network::split(const std::vector<std::vector<host>>& groups) {
  while (switches_ < groups.size()) make_switch();
  std::vector<std::size_t> group_of(hosts_.size(), 0);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (const host each : groups[i]) group_of[each] = i;
  }
  std::string lines;
  for (host each = 0; each < hosts_.size(); ++each) {
    lines += "link set " + port_of(each) + " master " + switch_of(group_of[each]) + "\n";
  }
  ip(hub_, lines);
}

// proc(5): /proc/net/tcp has a line for each socket; the fifth word is tx_queue:rx_queue.
bool virtual_network::has_unsent(host where) const {
  bool has_some = false;
  run_on(where, [&] {
    std::ifstream sockets("/proc/thread-self/net/tcp");
    std::string line;
    std::getline(sockets, line);
    while (std::getline(sockets, line)) {
      std::istringstream words(line);
      std::string slot, local, remote, state, queues;
      words >> slot >> local >> remote >> state >> queues;
      const std::string_view unsent = std::string_view(queues).substr(0, queues.find(':'));
      has_some = has_some || unsent.find_first_not_of('0') != std::string_view::npos;
    }
  });
  return has_some;
}

}  // namespace parley::testing_support
