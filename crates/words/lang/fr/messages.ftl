# Messages and refusals of the recorder. What the parts and names are: see lang/en/messages.ftl.

## The disk

message-disk-full = Le disque est plein : rien ne peut être enregistré.
    .safe = Tous les cours précédents sont conservés.
    .todo = Appelez l’assistance pour libérer de la place.
message-disk-stopped = Le disque est plein : l’enregistrement a été arrêté.
    .safe = Tout est sauvegardé jusqu’à cet instant.
    .todo = Appelez l’assistance pour libérer de la place, puis relancez l’enregistrement.
message-disk-low = { $room ->
        [little] Il reste moins de { $left } d’enregistrement sur le disque.
       *[some] Il reste environ { $left } d’enregistrement sur le disque.
    }
    .safe = Rien n’est perdu : l’enregistrement s’arrête avant que le disque ne soit plein.
    .todo = Appelez l’assistance pour libérer de la place.
message-write-failed = Impossible d’écrire cet enregistrement sur le disque : { $source }.
    .safe = Tout ce qui a été écrit auparavant est sur le disque.
    .todo = Appelez l’assistance. L’enregistreur réessaie de lui-même.
message-segments-damaged = Des parties d’enregistrements précédents sont endommagées : { $lost } manquantes, { $changed } modifiées sur le disque.
    .safe = Tout le reste est intact ; rien n’a été supprimé.
    .todo = Appelez l’assistance.

## The lecture at work

message-ends-soon = { $minutes ->
        [one] L’enregistrement s’arrête de lui-même dans moins d’une minute.
       *[other] L’enregistrement s’arrête de lui-même dans { $minutes } minutes.
    }
    .safe = Tout est conservé jusque-là, et l’arrêt peut être annulé pendant quelques secondes.
    .todo = Pour continuer, prolongez-le sur la page.
message-nothing-arrived = L’enregistrement n’a pas commencé : aucun signal de caméra, d’écran ou de microphone.
    .safe = Tous les cours précédents sont conservés.
    .todo = Vérifiez les câbles et l’alimentation, puis relancez l’enregistrement.
message-resumed-too-late = L’enregistrement avait repris de lui-même après une interruption et a été arrêté : l’interruption avait duré { $gap }.
    .safe = Tout ce qui précède et suit l’interruption est sauvegardé.
    .todo = Si le cours continue, annulez l’arrêt ou relancez l’enregistrement.
message-load-shed = L’ordinateur est trop lent en ce moment. Enregistré avec moins de détails : { $source }.
    .safe = Le son et toutes les autres images sont enregistrés en entier.
    .todo = Fermez les autres programmes de cet ordinateur.
message-close-failed = Les dernières secondes d’un cours ne sont pas encore sur le disque.
    .safe = Tout ce qui les précède est sur le disque.
    .todo = Une nouvelle tentative est automatique. Appelez l’assistance si cela persiste.
message-entry-failed = Un cours enregistré n’a pas pu être inscrit dans la liste.
    .safe = Tout ce qui a été enregistré est sur le disque.
    .todo = Appelez l’assistance.
message-finish-failed = Un cours n’a pas pu être finalisé.
    .safe = Tout ce qui a été enregistré est sur le disque.
    .todo = Appelez l’assistance.
message-clock-untrusted = L’horloge de l’enregistreur est fausse.
    .safe = Les enregistrements, leur durée et leur ordre ne sont pas touchés. Les dates seront corrigées en même temps que l’horloge.
    .todo = Appelez l’assistance pour régler l’horloge.
message-config-faulty = L’enregistreur a reçu de nouveaux réglages qui comportent une erreur ; il garde les anciens.
    .safe = Les enregistrements ne sont pas touchés.
    .todo = Appelez l’assistance pour corriger les réglages.
message-config-waits = De nouveaux réglages attendent qu’aucun cours ne soit en cours.
    .safe = Ce cours n’est pas touché.
    .todo = Rien à faire. L’enregistreur les reprend de lui-même.
message-program-waits = Une nouvelle version de l’enregistreur attend qu’aucun cours ne soit en cours.
    .safe = Ce cours n’est pas touché.
    .todo = Rien à faire. L’enregistreur la reprend de lui-même.

## Sources

message-source-lost = { $reason ->
        [silent] Aucun signal pour le moment : { $source }.
        [not-found] Appareil introuvable : { $source }.
        [busy] Utilisé par un autre programme : { $source }.
        [denied] L’enregistreur n’a pas accès à l’appareil : { $source }.
        [config] Les réglages ne conviennent pas à l’appareil : { $source }.
        [swapped] Un autre appareil est branché à la place : { $source }.
        [encoder] Échec de l’encodage, redémarrage en cours : { $source }.
        [stalled] Plus de signal, redémarrage en cours : { $source }.
       *[lost] Signal perdu : { $source }.
    }
    .safe = { $safe ->
        [others] Toujours enregistré : { $others }.
        [earlier] Ce qui a été enregistré auparavant est conservé.
       *[idle] Aucun enregistrement n’est touché.
    }
    .todo = { $advice ->
        [config] Appelez l’assistance pour corriger les réglages.
        [busy] Fermez l’autre programme. L’enregistreur réessaie de lui-même.
        [denied] Appelez l’assistance pour donner l’accès à l’enregistreur.
       *[cable] Vérifiez le câble et l’alimentation. L’enregistreur reprend de lui-même.
    }
message-sound-muted = Aucun son : { $source }. Il est éteint ou en sourdine.
    .safe = { $safe ->
        [others] Tout le reste continue d’être enregistré.
       *[idle] Aucun enregistrement n’est touché.
    }
    .todo = Allumez le microphone ou rétablissez le son sur la table de mixage.
message-spare = Aucun signal : { $principal }. Remplacement en service : { $source }.
    .safe = { $safe ->
        [others] L’enregistrement continue ainsi.
       *[idle] Aucun enregistrement n’est touché.
    }
    .todo = Vérifiez le câble et l’alimentation. La source habituelle revient d’elle-même.

## The way to the platforms

message-platform-refuses = { $platform } n’accepte aucun cours en ce moment.
    .safe = Tous les cours sont conservés sur cette machine. Les autres plateformes continuent.
    .todo = Appelez l’assistance.
message-delivery-parked = { $count ->
        [one] Un cours ne peut pas être envoyé sans aide.
       *[other] { $count } cours ne peuvent pas être envoyés sans aide.
    }
    .safe = { $count ->
        [one] Il est finalisé et conservé sur cette machine ; rien n’est envoyé deux fois.
       *[other] Ils sont finalisés et conservés sur cette machine ; rien n’est envoyé deux fois.
    }
    .todo = Appelez l’assistance.
message-platform-denies = Une plateforme ne reconnaît plus un cours qu’elle avait confirmé.
    .safe = Le cours est conservé sur cette machine.
    .todo = Appelez l’assistance.
message-budget-spent = { $span ->
        [day] Le volume autorisé par jour ({ $limit }) est épuisé.
       *[month] Le volume autorisé par mois ({ $limit }) est épuisé.
    }
    .safe = Ce qui reste à envoyer attend sur cette machine.
    .todo = Rien à faire. L’envoi reprend de lui-même : { $again }.
message-hours-unknown = Les cours ne sont pas envoyés : l’horloge est fausse, et l’on ne sait pas si c’est l’heure d’envoyer.
    .safe = Tous les cours sont conservés sur cette machine.
    .todo = Rien à faire. L’envoi reprend quand l’horloge est juste.

## Why a press or a request is refused

refused-state = { $why ->
        [under-way] Un enregistrement est déjà en cours.
        [recording] L’enregistrement est déjà en cours.
        [paused] L’enregistrement est déjà en pause.
        [stopped] L’enregistrement est déjà arrêté.
        [beginning] L’enregistrement est en train de commencer.
        [idle] Aucun enregistrement n’est en cours.
        [no-stop] Il n’y a pas d’arrêt à annuler.
        [no-more-time] Le délai pour annuler l’arrêt ne peut plus être prolongé.
       *[other] Ce n’est pas possible en ce moment.
    } Rien n’a changé.
refused-leaving = L’enregistreur est en train de s’éteindre. Rien n’est perdu. Réessayez quand il sera de retour.
refused-disk-full = Le disque est plein. Tous les cours précédents sont conservés. Appelez l’assistance pour libérer de la place.
refused-source-missing = Indispensable à l’enregistrement, mais sans signal : { $source }. Rien n’est perdu. Vérifiez le câble et l’alimentation, puis relancez l’enregistrement.
refused-no-source = Aucun signal de caméra, d’écran ou de microphone. Rien n’est perdu. Vérifiez les câbles, puis relancez l’enregistrement.
refused-database = L’enregistreur ne peut ni lire ni écrire sa liste. Ce qui a été enregistré est conservé. Appelez l’assistance, puis réessayez.
refused-length = Un cours peut durer au plus { $most ->
        [one] { $most } minute
       *[other] { $most } minutes
    } et au moins une minute. Rien n’a changé.
refused-extend = Un cours peut être prolongé d’une minute au moins, et finir au plus tard dans 24 heures. Rien n’a changé.
refused-text = { $field ->
        [title] Le titre
        [course] Le nom du cours
        [presenter] Le nom de l’intervenant
        [language] La langue
       *[label] Le libellé
    } doit tenir sur une ligne de { $most ->
        [one] { $most } caractère
       *[other] { $most } caractères
    } au plus. Rien n’a changé.
refused-no-lecture = Ce cours n’existe pas sur cette machine.
refused-ambiguous = Ces caractères ne désignent pas un cours unique. Donnez-en davantage.
refused-changed = Quelqu’un d’autre vient de le modifier. Vous n’avez rien changé.
refused-retry = Il n’y a rien à relancer pour ce cours. Rien n’a changé.
refused-retry-there = Il n’y a rien à relancer vers la plateforme { $platform }. Rien n’a changé.
refused-amend = Ce cours est en route vers la plateforme. Rien n’a changé. Modifiez-le sur la plateforme.

# Planned lectures
#
# $why: clock, recording, hindered or off. $count: lectures. $ends, $from, $to: moments. $named: whether
# there is a $title.

message-plan-clock = Le prochain cours prévu ne commencera pas tout seul : l’horloge de l’enregistreur est fausse.
    .safe = Il commencera de lui-même dès que l’horloge sera juste.
    .todo = Démarrez-le à la main le moment venu. Appelez l’assistance pour régler l’horloge.
message-plan-waits = Le prochain cours prévu attend : un enregistrement est encore en cours.
    .safe = Cet enregistrement continue. Le cours prévu commencera à sa fin.
    .todo = Arrêtez cet enregistrement lorsqu’il est terminé.
message-plan-hindered = Le cours prévu aurait dû commencer, et il ne le peut pas.
    .safe = Un nouvel essai est fait toutes les quelques secondes, jusqu’à { $ends }.
    .todo = Vérifiez les câbles et l’alimentation. Appelez l’assistance si cela persiste.
message-plan-missed = { $count ->
        [one] { $why ->
            [clock] Un cours prévu n’a pas été enregistré : l’horloge de l’enregistreur était fausse.
            [recording] Un cours prévu n’a pas été enregistré : un autre enregistrement a occupé tout le créneau.
            [hindered] Un cours prévu n’a pas été enregistré : l’enregistrement n’a pas pu commencer pendant tout le créneau.
           *[off] Un cours prévu n’a pas été enregistré : l’enregistreur était éteint.
        }
       *[other] { $count } cours prévus n’ont pas été enregistrés.
    }
    .safe = Tout ce qui a été enregistré est conservé.
    .todo = Si le cours a encore lieu, relancez l’enregistrement.
refused-plan-past = Un cours ne peut être prévu que pour plus tard. Rien n’a changé.
refused-self-test-running = Un autotest est déjà en cours. Rien n’a changé.
refused-self-test-planned = Un cours est prévu à { $at }, trop tôt pour un autotest. Rien n’a changé. Refaites l’essai après.
refused-plan-overlaps = Cette plage est prise. Prévu de { $from } à { $to } : { $named ->
        [yes] { $title }
       *[no] un cours sans titre
    }. Rien n’a changé.
refused-plan-full = Il y a déjà { $most ->
        [one] 1 cours prévu
       *[other] { $most } cours prévus
    }, et il n’est pas possible d’en garder davantage. Rien n’a changé.
refused-plan-state = Ce n’est plus possible pour ce cours. Rien n’a changé.
refused-plan-over = L’heure de ce cours est passée. Rien n’a changé.
refused-required = { $title ->
        [missing] Le titre manque.{" "}
       *[said] {""}
    }{ $course ->
        [missing] Le nom du cours manque.{" "}
       *[said] {""}
    }{ $presenter ->
        [missing] Le nom de l’intervenant manque.{" "}
       *[said] {""}
    }{ $language ->
        [missing] La langue manque.{" "}
       *[said] {""}
    }Complétez, puis appuyez de nouveau.
