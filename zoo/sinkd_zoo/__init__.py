"""The zoo: pre-distilled students to list, download and publish."""
