// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/resp.hpp"

#include <hiredis/hiredis.h>

#include <new>

namespace parley::idempotency_redis {
namespace {

// hiredis wants an object for each reply and looks only whether it is null.
void* tell(const redisReadTask* task, const reply& r) noexcept {
  auto& sink = *static_cast<reply_sink*>(task->privdata);
  task->parent == nullptr ? sink.on_reply(r) : sink.on_part(r);
  static char object;
  return &object;
}

void* on_string(const redisReadTask* task, char* text, std::size_t size) {
  reply r;
  r.what = task->type == REDIS_REPLY_ERROR    ? reply::kind::error
           : task->type == REDIS_REPLY_STATUS ? reply::kind::status
                                              : reply::kind::bulk;
  r.text = {text, size};
  return tell(task, r);
}

void* on_integer(const redisReadTask* task, long long value) {
  reply r;
  r.what = reply::kind::integer;
  r.integer = value;
  return tell(task, r);
}

void* on_nil(const redisReadTask* task) {
  reply r;
  // The null of an array is no answer to anything that we ask, and must not look like "no record".
  r.what = task->type == REDIS_REPLY_STRING ? reply::kind::nil : reply::kind::other;
  return tell(task, r);
}

// Versions of hiredis differ in the type of `elements`.
template <class Size>
void* on_array(const redisReadTask* task, Size elements) {
  reply r;
  r.what = reply::kind::array;
  r.elements = static_cast<std::size_t>(elements);
  return tell(task, r);
}

redisReplyObjectFunctions functions() {
  redisReplyObjectFunctions made{};  // by name: the order of the members is not that of 1.x
  made.createString = on_string;
  made.createArray = on_array;
  made.createInteger = on_integer;
  made.createNil = on_nil;
  made.freeObject = [](void*) {};
  return made;
}

}  // namespace

void reply_reader::free_reader::operator()(redisReader* reader) const noexcept {
  redisReaderFree(reader);
}

reply_reader::reply_reader(reply_sink& sink, std::size_t bytes_max) : bytes_max_(bytes_max) {
  static redisReplyObjectFunctions made = functions();
  reader_.reset(redisReaderCreateWithFunctions(&made));
  if (!reader_) throw std::bad_alloc();
  reader_->privdata = &sink;
  // Keep the buffer between replies: freed and made again it would cost an allocation a batch.
  reader_->maxbuf = std::size_t{1} << 20;
}

reply_reader::status reply_reader::feed(std::string_view bytes) noexcept {
  const auto failed = [&] {
    return reader_->err == REDIS_ERR_OOM ? status::out_of_memory : status::protocol;
  };
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) return failed();
  for (;;) {
    void* whole = nullptr;
    if (redisReaderGetReply(reader_.get(), &whole) != REDIS_OK) return failed();
    if (whole == nullptr) break;
  }
  return reader_->len - reader_->pos > bytes_max_ ? status::too_large : status::ok;
}

}  // namespace parley::idempotency_redis
