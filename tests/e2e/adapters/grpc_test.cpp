// SPDX-License-Identifier: Apache-2.0
//
// The adapter of docs/examples for gRPC: a server and a client of its own, over loopback.

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "grpc_calls.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"

namespace grpc_example {
namespace {

using metadata = std::vector<std::pair<std::string, std::string>>;

struct reply {
  grpc::Status status;
  std::string bytes;  // of the response message, as they came
  metadata trailers = {};

  std::string trailer(std::string_view name) const {
    for (const auto& [key, value] : trailers) {
      if (key == name) return value;
    }
    return "absent";
  }
  std::string code() const {
    const auto read = envelope::parse(trailer("error-envelope-bin"));
    return read ? std::string(read->code_name()) : "no envelope";
  }
  std::string field(std::string_view name) const {
    const auto read = envelope::parse(trailer("error-envelope-bin"));
    if (!read) return "no envelope";
    for (const envelope::field& each : read->fields()) {
      if (each.name == name) return each.explanation;
    }
    return "no such field";
  }
};

// A dialler that a test can stop in the middle.
class gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_open_; });
  }
  void wait_for_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrived_ > 0; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool is_open_ = false;
};

class GrpcAdapter : public testing::Test {
 protected:
  GrpcAdapter() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    stub_ = std::make_unique<grpc::GenericStub>(grpc::CreateCustomChannel(
        "127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), arguments));
  }
  ~GrpcAdapter() override {
    server_->Shutdown();
    server_->Wait();
  }

  // Below the generated stub, to see the bytes.
  reply send(const std::string& method, const google::protobuf::Message& request,
             const metadata& with, const std::function<void(grpc::ClientContext&)>& during = {}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
    for (const auto& [name, value] : with) context.AddMetadata(name, value);
    const grpc::Slice slice(request.SerializeAsString());
    grpc::CompletionQueue queue;
    const auto call = stub_->PrepareUnaryCall(&context, "/parley.example.Calls/" + method,
                                              grpc::ByteBuffer(&slice, 1), &queue);
    grpc::ByteBuffer bytes;
    reply made;
    call->StartCall();
    call->Finish(&bytes, &made.status, nullptr);
    if (during) during(context);
    void* tag = nullptr;
    bool is_ok = false;
    EXPECT_TRUE(queue.Next(&tag, &is_ok));
    std::vector<grpc::Slice> slices;
    bytes.Dump(&slices);
    for (const grpc::Slice& each : slices) made.bytes.append(each.begin(), each.end());
    for (const auto& [name, value] : context.GetServerTrailingMetadata()) {
      made.trailers.emplace_back(std::string(name.data(), name.size()),
                                 std::string(value.data(), value.size()));
    }
    return made;
  }

  static metadata key(const std::string& of) {
    return {{"authorization", "Bearer s3cret"}, {"idempotency-key", of}};
  }
  static api::PlaceCallRequest order(const std::string& to) {
    api::PlaceCallRequest made;
    made.set_to(to);
    for (const char* label : {"a", "b", "c", "d", "e"}) (*made.mutable_labels())[label] = label;
    return made;
  }
  reply place(const metadata& with, const std::string& to = "+14155550123") {
    return send("PlaceCall", order(to), with);
  }
  static std::string call_id(const reply& of) {
    api::PlaceCallResponse read;
    EXPECT_TRUE(read.ParseFromString(of.bytes));
    return read.call_id();
  }

  std::atomic<int> dialled_ = 0;
  std::function<void()> while_dialling_;
  const std::unique_ptr<idempotency::memory_store> records_ = *idempotency::make_memory_store();
  const std::unique_ptr<idempotency::timer> timer_ = *idempotency::make_thread_timer();
  const std::unique_ptr<idempotency::engine> engine_ =
      *idempotency::make_engine(*records_, *timer_);
  calls service_{*engine_, *idempotency::digester::random(),
                 [this](std::string_view, std::string_view) {
                   const int number = ++dialled_;
                   if (while_dialling_) while_dialling_();
                   return "call_" + std::to_string(number);
                 }};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

TEST_F(GrpcAdapter, RunsOnceAndReplaysTheBytes) {
  const reply first = place(key("k-1"));
  ASSERT_TRUE(first.status.ok()) << first.status.error_message();
  EXPECT_EQ(call_id(first), "call_1");
  EXPECT_EQ(first.trailer("idempotency-replay"), "absent");
  const reply again = place(key("k-1"));
  ASSERT_TRUE(again.status.ok()) << again.status.error_message();
  EXPECT_EQ(again.bytes, first.bytes);
  EXPECT_EQ(again.trailer("idempotency-replay"), "true");
  EXPECT_EQ(again.trailer("original-request-id"), first.trailer("x-request-id"));
  EXPECT_NE(again.trailer("x-request-id"), first.trailer("x-request-id"));
  EXPECT_EQ(dialled_, 1);
  EXPECT_EQ(call_id(place(key("k-2"))), "call_2");
}

TEST_F(GrpcAdapter, NamesTheOriginalOfAConflict) {
  const reply first = place(key("k-1"));
  const reply other = place(key("k-1"), "+14155550124");
  EXPECT_EQ(other.status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(other.code(), "idempotency_conflict");
  EXPECT_EQ(other.field("conflicts_with"), first.trailer("x-request-id"));
  EXPECT_EQ(dialled_, 1);
}

// The bytes of the two requests are equal.
TEST_F(GrpcAdapter, TellsMethodsApart) {
  api::HangUpRequest first;
  first.set_call_id("+14155550123");
  EXPECT_TRUE(send("HangUp", first, key("k-1")).status.ok());
  api::PlaceCallRequest other;
  other.set_to("+14155550123");
  ASSERT_EQ(other.SerializeAsString(), first.SerializeAsString());
  const reply refused = send("PlaceCall", other, key("k-1"));
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(dialled_, 0);
}

TEST_F(GrpcAdapter, KeepsTheKeysOfTwoCredentialsApart) {
  EXPECT_EQ(call_id(place(key("k-1"))), "call_1");
  const reply other = place({{"authorization", "Bearer s3cret-too"}, {"idempotency-key", "k-1"}});
  EXPECT_EQ(call_id(other), "call_2");
  EXPECT_EQ(other.trailer("idempotency-replay"), "absent");
}

TEST_F(GrpcAdapter, WantsAKeyWhereTheCallDoes) {
  const metadata none = {{"authorization", "Bearer s3cret"}};
  const reply refused = place(none);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(refused.code(), "validation_error");
  EXPECT_EQ(refused.field("idempotency-key"), "missing");
  EXPECT_EQ(dialled_, 0);
  const reply plain = send("HangUp", api::HangUpRequest(), none);
  EXPECT_TRUE(plain.status.ok());
  EXPECT_EQ(plain.trailer("idempotency-replay"), "absent");
}

TEST_F(GrpcAdapter, RefusesWhatIsNotOneKey) {
  metadata two = key("k-1");
  two.emplace_back("idempotency-key", "k-1");
  EXPECT_EQ(place(two).field("idempotency-key"), "repeated");
  EXPECT_EQ(place(key("")).field("idempotency-key"), "empty");
  EXPECT_EQ(place(key("a, b")).field("idempotency-key"), "list");
  EXPECT_EQ(place(key(std::string(256, 'k'))).field("idempotency-key"), "too_long");
  EXPECT_TRUE(place(key(std::string(255, 'k'))).status.ok());
  EXPECT_EQ(dialled_, 1);
}

TEST_F(GrpcAdapter, AsksWhoItIs) {
  for (const metadata& each :
       {metadata{{"idempotency-key", "k-1"}},
        metadata{{"idempotency-key", "k-1"}, {"authorization", "Bearer guess"}},
        metadata{{"idempotency-key", "k-1"},
                 {"authorization", "Bearer s3cret"},
                 {"authorization", "Bearer s3cret"}}}) {
    const reply refused = place(each);
    EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(refused.code(), "unauthorized");
  }
  EXPECT_EQ(dialled_, 0);
}

TEST_F(GrpcAdapter, FreesTheKeyOfAFailure) {
  const reply wrong = place(key("k-1"), "4155550123");
  EXPECT_EQ(wrong.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(wrong.code(), "destination_invalid");
  EXPECT_EQ(wrong.field("to"), "Expected a phone number in E.164 format");
  EXPECT_TRUE(place(key("k-1")).status.ok());
}

// It had said that it would dial: the claim is left to its lease, and a retry does not dial.
TEST_F(GrpcAdapter, LeavesTheKeyOfAHandlerThatThrewAfterItsMark) {
  while_dialling_ = [] { throw std::runtime_error("a secret"); };
  const reply failed = place(key("k-1"));
  EXPECT_EQ(failed.status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(failed.status.error_message().find("secret"), std::string::npos);
  while_dialling_ = nullptr;
  const reply other = place(key("k-1"), "+14155550124");
  EXPECT_EQ(other.status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(dialled_, 1);
}

TEST_F(GrpcAdapter, RunsConcurrentCallsOfOneKeyOnce) {
  gate dialling;
  while_dialling_ = [&dialling] { dialling.pass(); };
  std::mutex mutex;
  std::vector<reply> replies;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      reply made = place(key("k-1"));
      const std::lock_guard lock(mutex);
      replies.push_back(std::move(made));
    });
  }
  dialling.wait_for_one();
  dialling.open();
  for (std::thread& each : clients) each.join();
  std::set<std::string> bytes;
  int replays = 0;
  for (const reply& each : replies) {
    EXPECT_TRUE(each.status.ok()) << each.status.error_message();
    bytes.insert(each.bytes);
    if (each.trailer("idempotency-replay") == "true") ++replays;
  }
  EXPECT_EQ(bytes.size(), 1u);
  EXPECT_EQ(replays, 3);
  EXPECT_EQ(dialled_, 1);
}

TEST_F(GrpcAdapter, KeepsTheOutcomeForAClientThatWentAway) {
  gate dialling;
  while_dialling_ = [&dialling] { dialling.pass(); };
  const reply gone = send("PlaceCall", order("+14155550123"), key("k-1"), [&](auto& context) {
    dialling.wait_for_one();
    context.TryCancel();
  });
  EXPECT_EQ(gone.status.error_code(), grpc::StatusCode::CANCELLED);
  dialling.open();
  const reply again = place(key("k-1"));
  ASSERT_TRUE(again.status.ok()) << again.status.error_message();
  EXPECT_EQ(again.trailer("idempotency-replay"), "true");
  EXPECT_EQ(call_id(again), "call_1");
  EXPECT_EQ(dialled_, 1);
}

}  // namespace
}  // namespace grpc_example
