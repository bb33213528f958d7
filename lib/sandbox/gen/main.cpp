// SPDX-License-Identifier: Apache-2.0
//
// sandbox_openapi <openapi.json> <errors.openapi.json> <openapi.generated.cpp>

#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "sandbox/gen/document.hpp"

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: sandbox_openapi <openapi.json> <errors.openapi.json> <source>\n", stderr);
    return 2;
  }
  namespace gen = parley::sandbox::gen;
  try {
    std::ofstream out(argv[3], std::ios::binary);
    out << gen::render_source(gen::make_document(read_file(argv[1]), read_file(argv[2])));
    if (!out.flush()) throw std::runtime_error(std::string("cannot write ") + argv[3]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sandbox_openapi: %s\n", e.what());
    return 1;
  }
  return 0;
}
