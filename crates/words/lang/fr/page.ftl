# The page at the podium.

## State words: at most twelve letters, read at three metres.

state-ready = Prêt
state-starting = Démarrage
state-recording = Enregistre
state-paused = En pause
state-saved = Sauvegardé
state-fault = Panne
state-self-test = Autotest

## The sentence under the state word. $about is a title or a course, $at and $since are moments.

sentence-ready = Appuyez sur Enregistrer quand vous commencez.
sentence-ready-next = Appuyez sur Enregistrer, ou attendez le prochain cours.
sentence-self-test = Essai en cours. Appuyez sur Enregistrer quand vous voulez.
sentence-cancelled = Le cours prévu ne sera pas enregistré.
sentence-countdown = Démarre tout seul à { $at } : { $about }
sentence-starting = Un instant : les sources démarrent.
sentence-waiting = En attente de l’image et du son.
sentence-recording = Sauvegardés ici : { $sources }.
sentence-ends-soon = Fin à { $at }. Pour continuer : { $button }.
sentence-paused = Rien n’est enregistré. Parlez librement.
sentence-paused-long = En pause depuis { $since }. Pour continuer : { $button }.
sentence-saved = { $has ->
        [both] Sauvegardé ici : { $length }, { $size }, avec image et son.
        [picture] Sauvegardé ici : { $length }, { $size }, avec image, sans son.
        [sound] Sauvegardé ici : { $length }, { $size }, avec son, sans image.
       *[nothing] Arrêté. Ni image ni son n’ont été enregistrés.
    }
sentence-fault = L’enregistrement est impossible pour l’instant.
sentence-undo-ends = Le délai pour annuler l’arrêt se termine bientôt.
sentence-undo-ends-more = Le délai pour annuler l’arrêt se termine bientôt. Pour le prolonger : { $button }.

## Under the clock.

side-ends = fin { $at }
side-paused-for = En pause depuis

## Buttons: one or two short words.

button-start = Enregistrer
button-again = Nouvel enregistrement
button-pause = Pause
button-resume = Reprendre
button-stop = Arrêter
button-undo = Annuler l’arrêt
button-more-time = Plus de temps
button-mark = Repère
button-extend = { $by } min
button-begin = Démarrer
button-begin-early = Avancer
button-cancel = Annuler
button-restore = Enregistrer quand même
button-save = Valider
button-close = Fermer

## What is said of a press.

said-marked = Repère placé à { $at }.
said-extended = { $minutes } minutes de plus.
said-link-lost = Cette page a perdu l’enregistreur et n’est plus à jour. L’enregistrement continue sans elle. Elle réessaie d’elle-même.

## What is said about a lecture.

field-title = Titre
field-course = Cours
field-presenter = Intervenant
field-language = Langue
field-needed = { $field } (obligatoire)

## Names of the page’s parts, for those who hear it.

label-languages = Langue de cette page
label-about = À propos du cours
label-actions = Enregistrement
label-pictures = Images en direct
label-sound = Son
label-facts = Espace et envois
label-lectures = Derniers cours
label-messages = Messages
label-mend = Corriger

## What a source says of itself. A picture has room for two short lines.

note-starting = Démarrage …
note-no-sound = Aucun son n’arrive.
note-no-picture = Aucune image n’arrive.
note-trying = Nouvel essai …
note-call = Appelez l’assistance.
note-ended = Éteint.
note-not-recorded = Non enregistré
note-why = { $reason ->
        [not-found] Non branché.
        [denied] Accès refusé.
        [busy] Utilisé par un autre programme.
        [lost] Perdu. Le câble est-il branché ?
        [unsupported] Ne peut pas faire ce qui est demandé.
        [config] Mal configuré.
        [stalled] Rien n’arrive.
        [swapped] Un autre appareil est à sa place.
       *[failed] En échec.
    }
note-standing-in = Remplace : { $source }
note-spare = En réserve pour : { $source }

## Whether the microphone hears anybody.

hearing-listening = À l’écoute …
hearing-heard = Nous vous entendons
hearing-quiet = Nous ne vous entendons pas. Le micro est-il assez près ?
hearing-test = Silence. Dites quelques mots pour l’essayer.
hearing-off = Le microphone est éteint

## Space, uploads and the next lecture. $n is a number, $at a moment.

fact-space = Espace restant
fact-space-none = Aucun
fact-uploads = Envois
fact-next = À suivre
fact-next-none = Rien n’est prévu
next-line = { $at } · { $about }
uploads-none = Tous les cours sont envoyés
uploads-waiting = { $n ->
         [one] 1 cours attend l’envoi
        *[other] { $n } cours attendent l’envoi
    }
uploads-sending = Envoi de { $about } : { $percent } %
uploads-more = { $n ->
         [one] 1 autre attend
        *[other] { $n } autres attendent
    }
uploads-from = Ils partent à { $at }
uploads-held = Ils partent dès que l’envoi est permis
uploads-nights = { $n ->
         [one] Tout sera envoyé en { $n } nuit environ
        *[other] Tout sera envoyé en { $n } nuits environ
    }
uploads-parked = { $n ->
         [one] 1 envoi a besoin d’aide
        *[other] { $n } envois ont besoin d’aide
    }
uploads-preparing = { $n ->
         [one] 1 cours en préparation
        *[other] { $n } cours en préparation
    }
messages-more = { $n ->
         [one] et 1 autre message
        *[other] et { $n } autres messages
    }
space-length = { $length }
source-list = { $sources }
lecture-at = { $at }

## What became of the last lectures.

lectures-none = Rien n’a encore été enregistré ici.
lecture-untitled = Sans titre
fate-scheduled = Prévu
fate-starting = Démarre
fate-recording = En cours
fate-paused = En pause
fate-interrupted = Interrompu
fate-preparing = En préparation
fate-saved = Sauvegardé ici
fate-sending = En cours d’envoi
fate-sent = Envoyé
fate-failed = À dépanner
fate-cancelled = Annulé

## Where the PIN or a token is given.

sign-in = S’identifier
sign-in-pin = Code PIN
sign-in-token = Jeton d’accès
sign-in-podium = Saisissez le code PIN de cette salle. Un cours en cours d’enregistrement continue.
sign-in-elsewhere = Saisissez le jeton d’accès qui vous a été remis.
sign-in-unreadable = Le code PIN ne peut pas être vérifié pour le moment. L’enregistrement n’est pas touché. Appelez l’assistance.
sign-in-wrong = Ce n’était pas le bon. Réessayez ou appelez l’assistance.
sign-in-wait = Trop d’essais erronés. Réessayez dans { $length } ou appelez l’assistance.
sign-in-erase = Effacer le dernier chiffre
sign-out = Se déconnecter
