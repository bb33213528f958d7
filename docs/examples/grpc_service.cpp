// SPDX-License-Identifier: Apache-2.0
//
// A service of gRPC that places a call once, however often the request is sent.
//
//   example_grpc_service 127.0.0.1:50051
//
// Calls need the metadata `authorization: Bearer s3cret` and `idempotency-key`.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "grpc_calls.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"

namespace idempotency = parley::idempotency;

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto records = idempotency::make_memory_store({.entries_max = 100'000});
  const auto timer = idempotency::make_thread_timer();
  auto digests = idempotency::digester::random();
  if (!records || !timer || !digests) return 1;
  const auto engine = idempotency::make_engine(**records, **timer);
  if (!engine) return 1;

  std::atomic<int> placed = 0;
  grpc_example::calls service(**engine, *std::move(digests),
                              [&placed](std::string_view, std::string_view operation) {
                                std::fprintf(stderr, "dialling for %.*s\n",
                                             static_cast<int>(operation.size()), operation.data());
                                return "call_" + std::to_string(++placed);
                              });
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(argc > 1 ? argv[1] : "127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) return 1;
  std::printf("listening on port %d\n", port);
  std::fflush(stdout);

  int received = 0;
  sigwait(&signals, &received);
  // First the calls under way, then what is still to be stored.
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(10));
  server->Wait();
  return (*engine)->drain(std::chrono::seconds(5)) ? 0 : 1;
}
