#include "engine/models/causal_lm/decoder/embedded_rows.hpp"

#include <set>
#include <stdexcept>

#include "test/support/catch.hpp"

using parley::causal_lm::EmbeddedRows;

TEST_CASE("rows are found by their ids as long as one of their copies lives", "[causal_lm]") {
  EmbeddedRows rows(std::vector<float>{1, 2, 3, 4, 5, 6}, 3);
  CHECK(rows.count() == 2);
  const int id = rows.id(1);
  CHECK(id < 0);
  {
    const EmbeddedRows copy = rows;
    rows = EmbeddedRows();
    const EmbeddedRows::Found found = EmbeddedRows::find(id);
    REQUIRE(found.values != nullptr);
    CHECK(found.width == 3);
    CHECK(std::vector<float>(found.values, found.values + 3) == std::vector<float>{4, 5, 6});
  }
  CHECK(EmbeddedRows::find(id).values == nullptr);
  CHECK(rows.count() == 0);
  CHECK_THROWS_AS(rows.id(0), std::out_of_range);
}

TEST_CASE("no two rows have the same id, nor get that of rows before them", "[causal_lm]") {
  std::set<int> ids;
  std::vector<EmbeddedRows> kept;
  for (int block = 0; block < 50; ++block) {
    EmbeddedRows rows(std::vector<float>(static_cast<std::size_t>(2 * (1 + block % 7))), 2);
    for (int row = 0; row < rows.count(); ++row) CHECK(ids.insert(rows.id(row)).second);
    if (block % 3 == 0) kept.push_back(rows);
  }
}

TEST_CASE("values that are no whole number of rows are refused", "[causal_lm]") {
  CHECK_THROWS_AS(EmbeddedRows(std::vector<float>(7), 3), std::invalid_argument);
  CHECK_THROWS_AS(EmbeddedRows(std::vector<float>(6), 0), std::invalid_argument);
  CHECK(EmbeddedRows(std::vector<float>(), 3).count() == 0);
}
