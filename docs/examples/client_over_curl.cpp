// SPDX-License-Identifier: Apache-2.0
//
// The client over libcurl: places a call once, whatever the network and this process do, and walks
// through the list of calls.
//
//   example_client_over_curl dial URL FILE FROM TO   # FILE keeps what may have happened
//   example_client_over_curl list URL FILE           # FILE keeps where it is
//
// Run it again after a failure, and it goes on. Exit status: 0 done, 1 certainly not done, 2
// wrong arguments, 75 not known: run it again.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "curl_transport.hpp"
#include "parley/client/client.hpp"
#include "parley/client/pages.hpp"

namespace client = parley::client;

namespace {

constexpr int not_done = 1;
constexpr int try_again = 75;  // EX_TEMPFAIL

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// All of it or nothing: a new file takes the place of the old one.
void write_file(const char* path, std::string_view content) {
  const std::string next = std::string(path) + ".new";
  std::FILE* const file = std::fopen(next.c_str(), "wb");
  if (file == nullptr || std::fwrite(content.data(), 1, content.size(), file) != content.size() ||
      std::fflush(file) != 0 || fsync(fileno(file)) != 0 || std::fclose(file) != 0) {
    std::perror(next.c_str());
    std::exit(not_done);
  }
  std::filesystem::rename(next, path);
}

client::client_options options() {
  client::client_options made;
  const char* const key = std::getenv("API_KEY");
  made.send.headers = {
      {"Authorization", "Bearer " + std::string(key != nullptr ? key : "test_valid")}};
  return made;
}

void print(const client::answer& a) {
  std::fprintf(stderr, "%s (%s) after %u attempts: %s\n", std::string(to_string(a.why)).c_str(),
               std::string(to_string(a.fate)).c_str(), a.attempts,
               a.response  ? a.response->body.c_str()
               : a.failure ? a.failure->what.c_str()
                           : "nothing was sent");
}

int dial(client::blocking_client& api, const char* file, const char* from, const char* to) {
  // What an earlier run has left: the same call, under the same key.
  auto call = client::operation::restore(read_file(file));
  if (!call) {
    if (std::filesystem::exists(file)) {
      std::fprintf(stderr, "%s: %s\n", file, std::string(to_string(call.error())).c_str());
      return not_done;
    }
    // The numbers are taken as they are: the server checks them.
    call = client::operation::post("/v1/calls/dial", R"({"from_number":")" + std::string(from) +
                                                         R"(","to_number":")" + to + "\"}");
    if (!call) return not_done;
    write_file(file, call->save());  // before the first byte goes out
  }
  const client::answer got = api.send(*call);
  if (got.fate == client::fate::unknown) {
    print(got);
    write_file(file, call->save());  // with the time of its first send
    return try_again;
  }
  std::filesystem::remove(file);
  if (!got.is_success()) {
    print(got);
    return not_done;
  }
  std::printf("%.*s\n", static_cast<int>(got.body().size()), got.body().data());
  return 0;
}

int list(client::blocking_client& api, const char* file) {
  client::page_walk walk("/v1/calls?limit=2&order=asc");
  if (auto resumed = client::page_walk::resume(read_file(file))) walk = *std::move(resumed);
  for (const auto& item : client::items(api, walk)) {
    if (!item) {
      if (item.error().answer) print(*item.error().answer);
      if (item.error().is_cursor_refused()) std::filesystem::remove(file);  // begin anew
      return try_again;
    }
    std::printf("%.*s\n", static_cast<int>(item->json.size()), item->json.data());
    std::fflush(stdout);
    write_file(file, walk.checkpoint());  // before this item: it comes again after a crash
  }
  write_file(file, walk.checkpoint());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (!(command == "dial" && argc == 6) && !(command == "list" && argc == 4)) {
    std::fprintf(stderr,
                 "usage: example_client_over_curl dial URL FILE FROM TO\n"
                 "       example_client_over_curl list URL FILE\n");
    return 2;
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  curl_example::curl_transport transport(argv[2]);
  client::blocking_client api(transport, options());
  return command == "dial" ? dial(api, argv[3], argv[4], argv[5]) : list(api, argv[3]);
}
