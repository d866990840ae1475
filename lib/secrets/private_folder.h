// Folders for files that hold secrets.
#ifndef DEPS_LIB_SECRETS_PRIVATE_FOLDER_H_
#define DEPS_LIB_SECRETS_PRIVATE_FOLDER_H_

#include <string>

namespace deps {

// Makes the folders that `path` lies in where they are missing, mode 0700. Gives
// 0, or errno.
int MakeFoldersAbove(const std::string& path);

// Writes down on the disk that `path` is in its folder. Gives 0, or errno.
int SyncFolderOf(const std::string& path);

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_PRIVATE_FOLDER_H_
