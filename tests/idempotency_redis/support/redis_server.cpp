// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/support/redis_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

namespace parley::testing_support {
namespace {

using clock = std::chrono::steady_clock;
constexpr std::chrono::seconds patience{30};
constexpr int attempts_max = 20;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

struct free_context {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct free_reply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using connection = std::unique_ptr<redisContext, free_context>;

redis_reply to_reply(const redisReply& from) {
  redis_reply made;
  switch (from.type) {
    case REDIS_REPLY_STATUS: made.what = redis_reply::kind::status; break;
    case REDIS_REPLY_ERROR: made.what = redis_reply::kind::error; break;
    case REDIS_REPLY_INTEGER: made.what = redis_reply::kind::integer; break;
    case REDIS_REPLY_STRING: made.what = redis_reply::kind::bulk; break;
    case REDIS_REPLY_ARRAY: made.what = redis_reply::kind::array; break;
    default: made.what = redis_reply::kind::nil; break;
  }
  if (from.str != nullptr) made.text.assign(from.str, from.len);
  made.integer = from.integer;
  for (std::size_t i = 0; i < from.elements; ++i)
    made.elements.push_back(to_reply(*from.element[i]));
  return made;
}

// Throws where no reply comes.
redis_reply ask(redisContext& through, const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& each : words) {
    texts.push_back(each.data());
    sizes.push_back(each.size());
  }
  const std::unique_ptr<redisReply, free_reply> reply(static_cast<redisReply*>(
      redisCommandArgv(&through, static_cast<int>(words.size()), texts.data(), sizes.data())));
  if (!reply) fail("redis-server did not answer " + words.front() + ": " + through.errstr);
  return to_reply(*reply);
}

// Null: nobody there.
connection connect(const redis_server& to, bool over_its_socket, const std::string& password) {
  const timeval timeout{5, 0};
  connection made(over_its_socket
                      ? redisConnectUnixWithTimeout(to.socket_path().c_str(), timeout)
                      : redisConnectWithTimeout(to.address().c_str(), to.port(), timeout));
  if (!made || made->err != 0) return nullptr;
  redisSetTimeout(made.get(), timeout);
  if (!password.empty()) ask(*made, {"AUTH", password});
  return made;
}

std::uint16_t port_of_system(std::uint16_t wanted) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("no socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(wanted);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  // SO_REUSEADDR as redis-server has it: else a port that was used a moment ago looks taken.
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool is_free = ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::listen(listener, 1) == 0 &&
                       ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(listener);
  return is_free ? ntohs(address.sin_port) : 0;
}

}  // namespace

// From a part of them that few of the tests share which run at the same time: the port of a server
// that was killed is free, and is not to be another's when it comes again.
std::uint16_t find_free_port() {
  constexpr unsigned first = 12'000;
  constexpr unsigned parts = 64;
  unsigned last = 32'768;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> last;
  const unsigned size = last > first + parts ? (last - first) / parts : 0;
  const unsigned begin = first + static_cast<unsigned>(::getpid()) % parts * size;
  static thread_local std::minstd_rand random(std::random_device{}());
  for (int i = 0; i < 200 && size > 0; ++i) {
    const auto wanted = static_cast<std::uint16_t>(begin + random() % size);
    if (const std::uint16_t found = port_of_system(wanted); found != 0) return found;
  }
  if (const std::uint16_t found = port_of_system(0); found != 0) return found;
  fail("no port is free");
}

temporary_folder::temporary_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "parley_redis_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail("no temporary folder " + name);
  path_ = name;
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

redis_server::redis_server(redis_server_options options) : options_(std::move(options)) {
  if (options_.has_manual_clock) make_clock();
  // Another program may take the port between our look at it and the server's.
  for (int i = 0; i < attempts_max; ++i) {
    port_ = find_free_port();
    if (!options_.tls_certificate_file.empty()) tls_port_ = find_free_port();
    if (options_.kind == redis_kind::cluster_node) bus_port_ = find_free_port();
    write_config();
    start();
    try {
      if (wait_until_ready()) return;
    } catch (...) {
      end(SIGKILL);
      throw;
    }
    if (log_end().find("already in use") == std::string::npos) break;
  }
  fail("redis-server ended at once: " + log_end());
}

redis_server::~redis_server() {
  if (process_ > 0) end(SIGKILL);
  if (clock_ != nullptr) ::munmap(const_cast<std::int64_t*>(clock_), sizeof *clock_);
}

void redis_server::make_clock() {
  const int file = ::open(clock_file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, sizeof *clock_) != 0) fail("no clock");
  void* const mapped = ::mmap(nullptr, sizeof *clock_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (mapped == MAP_FAILED) fail("no clock");
  clock_ = static_cast<volatile std::int64_t*>(mapped);
  *clock_ = std::chrono::duration_cast<std::chrono::microseconds>(
                std::chrono::system_clock::now().time_since_epoch())
                .count();
}

void redis_server::advance_clock(std::chrono::milliseconds by) {
  *clock_ = *clock_ + std::chrono::microseconds(by).count();
}

std::string redis_server::url() const {
  return "redis://" + address() + ":" + std::to_string(port_);
}

void redis_server::write_config() const {
  std::ofstream file(folder_.path() / "redis.conf");
  const auto name = [&](const char* of) { return (folder_.path() / of).string(); };
  file << "bind " << address() << "\nport " << port_ << "\ndir " << folder_.path().string()
       << "\nlogfile " << name("log") << '\n';
  if (options_.network >= 0) file << "protected-mode no\n";
  if (options_.kind != redis_kind::sentinel) {
    file << "save \"\"\nenable-debug-command yes\nrepl-diskless-sync-delay 0\n";
  }
  if (options_.kind == redis_kind::cluster_node) {
    file << "cluster-enabled yes\ncluster-port " << bus_port_ << "\ncluster-announce-ip "
         << address() << '\n';
  }
  if (options_.appends != append_only::no) {
    file << "appendonly yes\nappendfsync "
         << (options_.appends == append_only::always ? "always" : "everysec") << '\n';
  }
  if (!options_.password.empty()) file << "requirepass \"" << options_.password << "\"\n";
  if (has_unix_socket()) file << "unixsocket " << socket_path() << '\n';
  if (tls_port_ != 0) {
    const bool asks = !options_.tls_client_authorities_file.empty();
    file << "tls-port " << tls_port_ << "\ntls-cert-file " << options_.tls_certificate_file
         << "\ntls-key-file " << options_.tls_key_file << "\ntls-auth-clients "
         << (asks ? "yes" : "no") << "\ntls-ca-cert-file "
         << (asks ? options_.tls_client_authorities_file : options_.tls_certificate_file) << '\n';
  }
  if (options_.replica_of != 0) file << "replicaof 127.0.0.1 " << options_.replica_of << '\n';
  for (const std::string& line : options_.config) file << line << '\n';
  if (!file.flush()) fail("redis.conf cannot be written");
}

void redis_server::start() {
  std::error_code ignored;
  std::filesystem::remove(folder_.path() / "log", ignored);
  const std::string config = (folder_.path() / "redis.conf").string();
  // Made before the fork: of what runs after it, little may allocate.
  std::vector<std::string> settings;
  if (clock_ != nullptr) {
    settings = {"LD_PRELOAD=" PARLEY_CLOCK_LIBRARY, "PARLEY_CLOCK_FILE=" + clock_file()};
  }
  std::vector<char*> environment;
  for (char** each = environ; *each != nullptr; ++each) environment.push_back(*each);
  for (std::string& each : settings) environment.push_back(each.data());
  environment.push_back(nullptr);
  std::string name = "redis-server";
  std::string argument = config;
  std::string mode = "--sentinel";
  const bool is_sentinel = options_.kind == redis_kind::sentinel;
  char* const arguments[] = {name.data(), argument.data(), is_sentinel ? mode.data() : nullptr,
                             nullptr};
  // What it says before it has read where its log is.
  const int output =
      ::open((folder_.path() / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int gone[2];  // closed by exec, written to where there is none
  if (::pipe2(gone, O_CLOEXEC) != 0) fail("no pipe");
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    if (options_.network >= 0 && ::setns(options_.network, CLONE_NEWNET) != 0) ::_exit(1);
    for (const int each : {1, 2}) ::dup2(output, each);
    ::execvpe(name.c_str(), arguments, environment.data());
    [[maybe_unused]] const ssize_t told = ::write(gone[1], "x", 1);
    ::_exit(127);
  }
  ::close(output);
  ::close(gone[1]);
  char byte;
  const bool is_missing = ::read(gone[0], &byte, 1) == 1;
  ::close(gone[0]);
  if (process_ < 0) fail("no process for redis-server");
  if (is_missing) {
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
    fail("redis-server is not installed; cmake/test.sh installs it (Debian: redis-server)");
  }
}

// False: it has ended.
bool redis_server::wait_until_ready() {
  bool has_ended = false;
  const bool answers = wait_until([&] {
    if (::waitpid(process_, nullptr, WNOHANG) == process_) {
      process_ = 0;
      has_ended = true;
      return true;
    }
    try {
      const connection to = connect(*this, options_.network >= 0, options_.password);
      return to && ask(*to, {"PING"}).text == "PONG";  // and not that it is still loading
    } catch (const std::runtime_error&) {
      return false;
    }
  });
  if (!answers) fail("redis-server does not answer: " + log_end());
  return !has_ended;
}

void redis_server::send_signal(int signal) const {
  if (process_ <= 0) fail("redis-server is not running");
  ::kill(process_, signal);
}

void redis_server::end(int signal) {
  if (process_ <= 0) return;
  ::kill(process_, signal);
  ::kill(process_, SIGCONT);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
  process_ = 0;
  is_stopped_ = false;
}

void redis_server::kill9() { end(SIGKILL); }
void redis_server::terminate() { end(SIGTERM); }
void redis_server::stop() {
  send_signal(SIGSTOP);
  is_stopped_ = true;
}
void redis_server::cont() {
  send_signal(SIGCONT);
  is_stopped_ = false;
}

void redis_server::restart() {
  if (process_ > 0) fail("redis-server is still running");
  const clock::time_point end = clock::now() + patience;
  do {
    start();
    if (wait_until_ready()) return;
  } while (clock::now() < end && log_end().find("already in use") != std::string::npos);
  fail("redis-server did not come again: " + log_end());
}

redis_reply redis_server::try_command(const std::vector<std::string>& words) const {
  const connection to = connect(*this, options_.network >= 0, options_.password);
  if (!to) fail("redis-server is not there");
  return ask(*to, words);
}

redis_reply redis_server::command(const std::vector<std::string>& words) const {
  redis_reply reply = try_command(words);
  if (reply.what == redis_reply::kind::error) fail(words.front() + ": " + reply.text);
  return reply;
}

std::string redis_server::info(std::string_view name) const {
  const std::string text = command({"INFO"}).text;
  const std::string start = std::string("\n").append(name).append(":");
  const std::size_t at = text.find(start);
  if (at == std::string::npos) return {};
  const std::size_t value = at + start.size();
  return text.substr(value, text.find('\r', value) - value);
}

void redis_server::wait_for_replicas(unsigned count) const {
  const bool are_there = wait_until([&] {
    const connection to = connect(*this, options_.network >= 0, options_.password);
    if (!to) return false;
    // WAIT is for what its own connection has written.
    ask(*to, {"SET", "wait_for_replicas", "1", "PX", "1"});
    return ask(*to, {"WAIT", std::to_string(count), "100"}).integer >= count;
  });
  if (!are_there) fail("the replicas are not there");
}

std::string redis_server::log_end() const {
  std::ifstream file(folder_.path() / "log");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  constexpr std::size_t shown = 600;
  return text.substr(text.size() - std::min(text.size(), shown));
}

}  // namespace parley::testing_support
