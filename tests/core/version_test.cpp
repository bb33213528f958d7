// SPDX-License-Identifier: Apache-2.0
#include "parley/core/version.hpp"

#include <gtest/gtest.h>

namespace parley {
namespace {

TEST(Version, IsThatOfTheProject) {
  EXPECT_EQ(version, PARLEY_TEST_VERSION);
  EXPECT_EQ(version_number, PARLEY_TEST_VERSION_MAJOR * 10000 + PARLEY_TEST_VERSION_MINOR * 100 +
                                PARLEY_TEST_VERSION_PATCH);
}

TEST(Version, LinkedLibraryIsOfTheSameBuild) { EXPECT_EQ(linked_version(), version); }

}  // namespace
}  // namespace parley
