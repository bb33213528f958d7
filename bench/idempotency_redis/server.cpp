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

}  // namespace

redis_server& redis_server::instance() {
  static redis_server only;
  return only;
}

redis_server& redis_server::replicated() {
  static redis_server first;
  static redis_server replica(first.port());
  while (replica.command({"INFO", "replication"}).find("master_link_status:up") ==
         std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return first;
}

redis_server::redis_server(int replica_of) : port_(free_port()) {
  const std::string port = std::to_string(port_);
  const std::string of = replica_of == 0 ? "no one" : "127.0.0.1 " + std::to_string(replica_of);
  // A replica writes what it gets from its master into a file.
  std::string folder = (std::filesystem::temp_directory_path() / "parley_bench_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = folder;
  process_ = fork();
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl(PARLEY_REDIS_SERVER, "redis-server", "--port", port.c_str(), "--bind", "127.0.0.1",
          "--save", "", "--appendonly", "no", "--loglevel", "warning", "--replicaof", of.c_str(),
          "--dir", folder.c_str(), nullptr);
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
  return reply->type == REDIS_REPLY_INTEGER ? std::to_string(reply->integer)
                                            : std::string(reply->str, reply->len);
}

}  // namespace parley::bench
