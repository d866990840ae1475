#include <utility>

#include "lib/state/database.h"

namespace deps {

Statement::~Statement() {
  if (cursor_ == nullptr) return;
  cursor_->Reset();
  database_.Release(cursor_);
}

Statement& Statement::Bind(std::string_view text) {
  parameters_.push_back({.kind = SqlParameter::Kind::kText, .text = std::string(text)});
  return *this;
}

Statement& Statement::BindLarge(std::string text) {
  parameters_.push_back({.kind = SqlParameter::Kind::kText, .text = std::move(text)});
  return *this;
}

Statement& Statement::Bind(int64_t number) {
  parameters_.push_back({.kind = SqlParameter::Kind::kNumber, .number = number});
  return *this;
}

Statement& Statement::BindBlob(std::string_view bytes) {
  parameters_.push_back({.kind = SqlParameter::Kind::kBlob, .text = std::string(bytes)});
  return *this;
}

Statement& Statement::BindNull() {
  parameters_.emplace_back();
  return *this;
}

bool Statement::Step() {
  if (!status_.ok()) return false;
  if (cursor_ == nullptr) {
    absl::StatusOr<SqlCursor*> cursor = database_.Prepare(sql_);
    if (cursor.ok()) {
      cursor_ = *cursor;
      status_ = cursor_->Start(parameters_);
    } else {
      status_ = cursor.status();
    }
    if (!status_.ok()) return false;
  }
  const absl::StatusOr<bool> row = cursor_->Next();
  if (!row.ok()) status_ = row.status();
  return row.ok() && *row;
}

absl::Status Statement::Run() {
  while (Step()) {
  }
  return status_;
}

}  // namespace deps
