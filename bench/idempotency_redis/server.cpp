// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/server.hpp"

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace parley::bench {
namespace {

int free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool is_bound = bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(listener);
  if (!is_bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

template <class Condition>
void wait_until(Condition holds) {
  for (int tries = 0; !holds(); ++tries) {
    if (tries == 3'000) throw std::runtime_error("the servers do not get ready");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace

redis_server& redis_server::instance() {
  static redis_server only;
  return only;
}

redis_server& redis_server::replicated() {
  static redis_server first;
  static redis_server replica({.replica_of = first.port()});
  first.wait_for_replicas(1);
  return first;
}

redis_server::redis_server(const redis_server_options& options) : port_(free_port()) {
  std::string folder = (std::filesystem::temp_directory_path() / "parley_bench_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = folder;
  std::vector<std::string> words = {
      "redis-server", "--bind", "127.0.0.1", "--port", std::to_string(port_), "--dir", folder_,
      "--save",       "",       "--logfile", "log"};
  const auto add = [&words](std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
  };
  if (options.replica_of != 0) {
    add({"--replicaof", "127.0.0.1 " + std::to_string(options.replica_of)});
  }
  if (options.appends != append_only::no) {
    add({"--appendonly", "yes", "--appendfsync",
         options.appends == append_only::always ? "always" : "everysec"});
  }
  if (options.is_cluster_node) {
    bus_port_ = free_port();
    add({"--cluster-enabled", "yes", "--cluster-port", std::to_string(bus_port_)});
  }
  words.insert(words.end(), options.more.begin(), options.more.end());
  std::vector<char*> texts;
  texts.reserve(words.size() + 1);
  for (std::string& word : words) texts.push_back(word.data());
  texts.push_back(nullptr);
  process_ = fork();
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(PARLEY_REDIS_SERVER, texts.data());
    _exit(127);
  }
  for (int tries = 0; tries < 500; ++tries) {
    if (redisContext* const context = redisConnect("127.0.0.1", port_); context != nullptr) {
      const bool is_there = context->err == 0;
      redisFree(context);
      if (is_there) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw std::runtime_error("redis-server did not start");
}

redis_server::~redis_server() {
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

redisContext* redis_server::connect() const {
  redisContext* const context = redisConnect("127.0.0.1", port_);
  if (context == nullptr || context->err != 0) throw std::runtime_error("cannot connect");
  return context;
}

std::string redis_server::command(const std::vector<std::string>& words) const {
  const std::unique_ptr<redisContext, void (*)(redisContext*)> context(connect(), redisFree);
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  const std::unique_ptr<redisReply, void (*)(void*)> reply(
      static_cast<redisReply*>(redisCommandArgv(context.get(), static_cast<int>(texts.size()),
                                                texts.data(), sizes.data())),
      freeReplyObject);
  if (!reply) throw std::runtime_error("no reply");
  if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error(words.front() + ": " + reply->str);
  return reply->type == REDIS_REPLY_INTEGER ? std::to_string(reply->integer)
                                            : std::string(reply->str, reply->len);
}

std::string redis_server::info(std::string_view name) const {
  const std::string all = command({"INFO", "everything"});
  const std::string line = "\n" + std::string(name) + ":";
  const std::size_t at = all.find(line);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + line.size();
  return all.substr(begin, all.find('\r', begin) - begin);
}

double redis_server::number(std::string_view name) const {
  const std::string text = info(name);
  if (text.empty()) throw std::runtime_error("INFO has no " + std::string(name));
  return std::stod(text);
}

void redis_server::wait_for_replicas(std::size_t count) const {
  // A replica counts as online before it gets anything; what it says that it has tells.
  command({"SET", "parley_bench", "in step"});
  command({"DEL", "parley_bench"});
  wait_until([this, count] {
    const double offset = number("master_repl_offset");
    std::size_t in_step = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string line = info("slave" + std::to_string(i));
      const std::size_t at = line.find("offset=");
      if (line.find("state=online") != std::string::npos && at != std::string::npos &&
          std::stod(line.substr(at + 7)) >= offset) {
        ++in_step;
      }
    }
    return in_step == count;
  });
}

redis_cluster::redis_cluster(std::size_t masters) {
  constexpr std::size_t slots = 16'384;
  for (std::size_t i = 0; i < masters; ++i) {
    servers_.push_back(
        std::make_unique<redis_server>(redis_server_options{.is_cluster_node = true}));
    servers_[i]->command({"CLUSTER", "ADDSLOTSRANGE", std::to_string(slots * i / masters),
                          std::to_string(slots * (i + 1) / masters - 1)});
    // The epochs differ from the start: nodes that settle it among themselves take a while.
    servers_[i]->command({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    if (i > 0) {
      servers_[0]->command({"CLUSTER", "MEET", "127.0.0.1", std::to_string(servers_[i]->port()),
                            std::to_string(servers_[i]->bus_port())});
    }
  }
  wait_until([this, masters] {
    for (const auto& server : servers_) {
      const std::string told = server->command({"CLUSTER", "INFO"});
      if (told.find("cluster_state:ok") == std::string::npos ||
          told.find("cluster_known_nodes:" + std::to_string(masters) + "\r") == std::string::npos) {
        return false;
      }
    }
    return true;
  });
}

std::string redis_cluster::url() const {
  std::string made = "redis+cluster://";
  for (const auto& server : servers_) {
    made += (&server == &servers_.front() ? "" : ",") + std::string("127.0.0.1:") +
            std::to_string(server->port());
  }
  return made;
}

}  // namespace parley::bench
