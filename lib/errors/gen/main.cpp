// SPDX-License-Identifier: Apache-2.0
//
// errors_reference <folder>: writes errors.md, errors.json and errors.openapi.json there.

#include <cstdio>
#include <fstream>
#include <string>

#include "errors/gen/reference.hpp"

namespace {

bool write(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (out.flush()) return true;
  std::fprintf(stderr, "errors_reference: cannot write %s\n", path.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: errors_reference <folder>\n", stderr);
    return 2;
  }
  const std::string folder = std::string(argv[1]) + '/';
  namespace gen = parley::errors::gen;
  const auto catalogue = parley::errors::catalogue();
  const bool written = write(folder + "errors.md", gen::render_markdown(catalogue)) &&
                       write(folder + "errors.json", gen::render_json(catalogue)) &&
                       write(folder + "errors.openapi.json", gen::render_openapi(catalogue));
  return written ? 0 : 1;
}
