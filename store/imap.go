package store

import (
	"encoding/json"
	"fmt"
)

// A folder's records stand under imap/point/<hash> and imap/done/<hash>/… The
// hash is of account and folder, whose names may hold anything.

func folderHash(account, folder string) string { return hash(account + "\x00" + folder) }

// FolderPoint reads how far a folder of an IMAP account was taken into point,
// which stays as it is where nothing is known.
func (tx Tx) FolderPoint(account, folder string, point any) error {
	_, err := tx.find("imap/point/"+folderHash(account, folder), point)
	return err
}

// SetFolderPoint keeps how far a folder was taken.
func (tx Tx) SetFolderPoint(account, folder string, point json.RawMessage) error {
	return tx.put("imap/point/"+folderHash(account, folder), point)
}

func settledPrefix(account, folder string, validity uint32) string {
	return "imap/settled/" + folderHash(account, folder) + "/" + padded(uint64(validity), 10) + "/"
}

// AddSettled notes that a mail of a folder is settled and may be marked or moved.
func (tx Tx) AddSettled(account, folder string, validity, uid uint32) error {
	return tx.kv.Put(settledPrefix(account, folder, validity)+padded(uint64(uid), 10), []byte("1"))
}

// SettledUIDs returns the UIDs so noted, in their order, at most limit.
func (tx Tx) SettledUIDs(account, folder string, validity uint32, limit int) (uids []uint32, err error) {
	from, to := Prefix(settledPrefix(account, folder, validity))
	err = tx.kv.Scan(from, to, limit, false, func(key string, _ []byte) error {
		uids = append(uids, uint32(parseID(key[len(from):])))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("settled mails of a folder: %w", err)
	}
	return uids, nil
}

// ForgetSettled forgets such UIDs.
func (tx Tx) ForgetSettled(account, folder string, validity uint32, uids []uint32) error {
	for _, uid := range uids {
		if err := tx.kv.Delete(settledPrefix(account, folder, validity) + padded(uint64(uid), 10)); err != nil {
			return err
		}
	}
	return nil
}
